# One image for every tier; the command names it: `docker run outrider worker`.
# Dependencies come from the locks, with their hashes.

FROM node:22-bookworm-slim AS web
WORKDIR /build
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --include=dev --no-progress
COPY web/ ./
RUN npm run build

FROM python:3.11-slim-bookworm AS python
WORKDIR /build
COPY requirements.lock requirements-dev.lock ./
# The package itself is built with the locked build tools, and installed into an environment without them.
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes --requirement requirements-dev.lock
RUN python -m venv /opt/outrider && /opt/outrider/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY . .
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/outrider/bin/pip install --no-cache-dir --no-deps --no-index /wheels/*.whl

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home outrider
COPY --from=python /opt/outrider /opt/outrider
COPY --from=web /build/dist /opt/outrider/web
ENV PATH=/opt/outrider/bin:$PATH OUTRIDER_WEB_DIR=/opt/outrider/web PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER outrider
WORKDIR /opt/outrider
EXPOSE 8080
ENTRYPOINT ["outrider"]
CMD ["--help"]
