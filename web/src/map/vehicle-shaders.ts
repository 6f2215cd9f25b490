/** GLSL of the vehicle layer. Lengths are CSS pixels in the marker's own frame: y ahead, x to the right. */

const uniforms = /* glsl */ `\
layout(std140) uniform vehicleUniforms {
  float radiusPixels;
  vec3 outlineColor;
  vec3 selectedColor;
} vehicle;
`;

export const vehicleUniforms = {
  name: "vehicle",
  vs: uniforms,
  fs: uniforms,
  uniformTypes: { radiusPixels: "f32", outlineColor: "vec3<f32>", selectedColor: "vec3<f32>" },
} as const;

export const vertexShader = /* glsl */ `\
#version 300 es
#define SHADER_NAME vehicle-layer-vertex
in vec3 positions;
in vec3 instancePositions;
in vec3 instancePositions64Low;
in float instanceHeadings;
in vec4 instanceColors;
in vec4 instanceLooks;
out vec4 vColor;
out vec2 vPixel;
flat out vec3 vLook;

void main(void) {
  geometry.worldPosition = instancePositions;
  geometry.pickingColor = picking_getPickingColorFromInstanceID();
  geometry.uv = positions.xy;
  vLook = instanceLooks.xyz;
  vColor = vec4(instanceColors.rgb, instanceColors.a * layer.opacity);
  // Room for the marker, its rings and its shadow.
  float halfPixels = vehicle.radiusPixels * 2.4 + 4.0;
  vPixel = positions.xy * halfPixels;
  if (vLook.x < 0.5) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    return;
  }
  float turn = vLook.x < 1.5 ? radians(instanceHeadings) : 0.0;
  vec2 upright = vec2(vPixel.x * cos(turn) + vPixel.y * sin(turn), vPixel.y * cos(turn) - vPixel.x * sin(turn));
  gl_Position = project_position_to_clipspace(instancePositions, instancePositions64Low, vec3(0.0), geometry.position);
  DECKGL_FILTER_GL_POSITION(gl_Position, geometry);
  gl_Position.xy += project_pixel_size_to_clipspace(upright);
  DECKGL_FILTER_COLOR(vColor, geometry);
}
`;

export const fragmentShader = /* glsl */ `\
#version 300 es
#define SHADER_NAME vehicle-layer-fragment
precision highp float;
in vec4 vColor;
in vec2 vPixel;
flat in vec3 vLook;
out vec4 fragColor;

float toSegment(vec2 p, vec2 from, vec2 to) {
  vec2 along = to - from;
  float share = clamp(dot(p - from, along) / dot(along, along), 0.0, 1.0);
  return length(p - from - along * share);
}

float side(vec2 p, vec2 from, vec2 to) {
  return (to.x - from.x) * (p.y - from.y) - (to.y - from.y) * (p.x - from.x);
}

// Mirrored about the y axis, so that one half is enough: tip, wing, notch.
float arrow(vec2 p, float r) {
  vec2 q = vec2(abs(p.x), p.y);
  vec2 tip = vec2(0.0, 1.12) * r;
  vec2 wing = vec2(0.82, -0.86) * r;
  vec2 notch = vec2(0.0, -0.46) * r;
  float away = min(toSegment(q, tip, wing), toSegment(q, wing, notch));
  bool inside = side(q, tip, wing) < 0.0 && side(q, wing, notch) < 0.0;
  return inside ? -away : away;
}

float square(vec2 p, float r) {
  vec2 d = abs(p) - vec2(r * 0.42);
  return length(max(d, 0.0)) + min(max(d.x, d.y), 0.0) - r * 0.26;
}

float cover(float away) {
  return 1.0 - smoothstep(-0.6, 0.6, away);
}

// Source over destination, both straight alpha.
vec4 over(vec4 top, vec4 below) {
  float alpha = top.a + below.a * (1.0 - top.a);
  vec3 rgb = alpha > 0.0 ? (top.rgb * top.a + below.rgb * below.a * (1.0 - top.a)) / alpha : vec3(0.0);
  return vec4(rgb, alpha);
}

void main(void) {
  geometry.uv = vPixel;
  float r = vehicle.radiusPixels * (vLook.z > 0.5 ? 1.15 : 1.0);
  float fromCentre = length(vPixel);
  float away;
  if (vLook.x < 1.5) away = arrow(vPixel, r) - 0.8;
  else if (vLook.x < 2.5) away = square(vPixel, r);
  else away = abs(fromCentre - r * 0.52) - max(1.0, r * 0.14);

  float outline = vLook.x < 2.5 ? 1.6 : 1.0;
  vec4 shade = vec4(0.0, 0.0, 0.0, 0.28 * (1.0 - smoothstep(0.0, 4.0, away - outline)));
  vec4 result = vLook.x < 2.5 ? shade : vec4(0.0);
  float ringWidth = max(0.9, r * 0.1);
  if (vLook.y > 0.5) {
    float ring = abs(fromCentre - r * 1.5) - ringWidth;
    result = over(vec4(vColor.rgb, cover(ring) * 0.95), result);
  }
  if (vLook.y > 1.5) {
    float ring = abs(fromCentre - r * 1.95) - ringWidth * 0.75;
    result = over(vec4(vColor.rgb, cover(ring) * 0.8), result);
  }
  if (vLook.z > 0.5) {
    float ring = abs(fromCentre - r * 2.3) - 1.3;
    result = over(vec4(vehicle.selectedColor, cover(ring)), result);
    result = over(vec4(vehicle.selectedColor, 0.16 * cover(fromCentre - r * 2.3)), result);
  }
  result = over(vec4(vehicle.outlineColor, cover(away - outline) * 0.95), result);
  result = over(vec4(vColor.rgb, cover(away)), result);
  result.a *= vColor.a;
  if (result.a < 0.02) discard;
  fragColor = result;
  DECKGL_FILTER_COLOR(fragColor, geometry);
}
`;
