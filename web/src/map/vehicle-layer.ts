/**
 * A deck.gl layer that draws every vehicle in one call: a heading arrow while it moves, a rounded square while it stands, a
 * hollow ring when it has gone silent; one ring around it when it is at risk, two when it is late. The shapes are
 * signed distances in pixels, so they are crisp at any size and pixel ratio and need no picture files.
 *
 * All attributes come as typed arrays: `getPosition` (float64, lon/lat/0), `getHeading` (float32 degrees), `getColor`
 * (RGBA bytes), `getLook` (bytes: shape, rings, selected, unused). Positions and headings change each frame, colours and
 * looks only when a vehicle's state does.
 */
import { color, Layer, type LayerProps, picking, project32 } from "@deck.gl/core";
import { Geometry, Model } from "@luma.gl/engine";
import type { Rgb } from "./palette";
import { fragmentShader, vehicleUniforms, vertexShader } from "./vehicle-shaders";

/** Values of the first byte of a look. */
export const Shape = { hidden: 0, arrow: 1, square: 2, hollow: 3 } as const;

interface OwnProps {
  /** Radius of a marker, CSS pixels. */
  radiusPixels: number;
  outlineColor: Rgb;
  selectedColor: Rgb;
  getPosition?: unknown;
  getHeading?: unknown;
  getColor?: unknown;
  getLook?: unknown;
}

export type VehicleLayerProps = OwnProps & LayerProps;

const defaultProps = {
  radiusPixels: 9,
  outlineColor: [255, 255, 255],
  selectedColor: [0, 88, 200],
  getPosition: { type: "accessor", value: [0, 0, 0] },
  getHeading: { type: "accessor", value: 0 },
  getColor: { type: "accessor", value: [0, 0, 0, 255] },
  getLook: { type: "accessor", value: [0, 0, 0, 0] },
};

export class VehicleLayer extends Layer<OwnProps> {
  static override layerName = "VehicleLayer";
  static override defaultProps = defaultProps as never;
  declare state: { model?: Model };

  override getShaders() {
    return super.getShaders({
      vs: vertexShader,
      fs: fragmentShader,
      modules: [project32, color, picking, vehicleUniforms],
    });
  }

  override initializeState(): void {
    this.getAttributeManager()?.addInstanced({
      instancePositions: { size: 3, type: "float64", fp64: this.use64bitPositions(), accessor: "getPosition" },
      instanceHeadings: { size: 1, accessor: "getHeading" },
      instanceColors: { size: 4, type: "unorm8", accessor: "getColor" },
      instanceLooks: { size: 4, type: "uint8", accessor: "getLook" },
    });
    this.setState({ model: this.createModel() });
  }

  override draw(): void {
    const { radiusPixels, outlineColor, selectedColor } = this.props;
    const model = this.state.model;
    model?.shaderInputs.setProps({
      vehicle: {
        radiusPixels,
        outlineColor: outlineColor.map((part) => part / 255),
        selectedColor: selectedColor.map((part) => part / 255),
      },
    });
    model?.draw(this.context.renderPass);
  }

  private createModel(): Model {
    return new Model(this.context.device, {
      ...this.getShaders(),
      id: this.props.id,
      bufferLayout: this.getAttributeManager()?.getBufferLayouts() ?? [],
      geometry: new Geometry({
        topology: "triangle-strip",
        attributes: { positions: { size: 3, value: new Float32Array([-1, -1, 0, 1, -1, 0, -1, 1, 0, 1, 1, 0]) } },
      }),
      isInstanced: true,
    });
  }
}
