/** The shaders of 3D tiles: lifespan, colour, current value and selection, all on the graphics card. */

import {
  Cartesian3,
  Color,
  CustomShader,
  LightingModel,
  PixelFormat,
  TextureMagnificationFilter,
  TextureMinificationFilter,
  TextureUniform,
  UniformType,
  VaryingType,
} from "@cesium/engine";
import type { Collection } from "../catalogue";
import { categoriesOf, NO_VALUE, type Rgb, rgb, spread } from "../colours";

/** Width of the textures that are read by index. */
export const TEXTURE_WIDTH = 1024;
const PALETTE = 256;
export const SELECTED = "#d64520";

/** What the shader of one collection can be told. */
export interface Knobs {
  u_day: number;
  u_step: number;
  u_selected: number;
  u_measured: boolean;
}

/** An RGBA texture read texel by texel. */
export function texture(data: Uint8Array, width = TEXTURE_WIDTH): TextureUniform {
  return new TextureUniform({
    typedArray: data,
    width,
    height: data.length / 4 / width,
    pixelFormat: PixelFormat.RGBA,
    repeat: false,
    minificationFilter: TextureMinificationFilter.NEAREST,
    magnificationFilter: TextureMagnificationFilter.NEAREST,
  });
}

/** Room for `count` RGBA texels in whole rows. */
export function texels(count: number): Uint8Array {
  return new Uint8Array(Math.max(Math.ceil(count / TEXTURE_WIDTH), 1) * TEXTURE_WIDTH * 4);
}

/** The palette that `style.colour_by` indexes: one texel a category, or the ramp in 255 steps; the last is the plain colour. */
function palette({ style }: Collection, colours: Rgb[]): TextureUniform {
  const data = new Uint8Array(PALETTE * 4).fill(255);
  const plain = rgb(style.colour);
  for (let i = 0; i < PALETTE; i++) data.set(i < PALETTE - 1 ? (colours[i] ?? plain) : plain, i * 4);
  return texture(data, PALETTE);
}

const COMMON = `
bool stands(float from, float to) { return from <= u_day && u_day < to; }
vec4 valueOf(int row) {
  if (!u_measured) return vec4(0.0);
  vec4 place = texelFetch(u_columns, ivec2(row % ${TEXTURE_WIDTH}, row / ${TEXTURE_WIDTH}), 0) * 255.0 + 0.5;
  int column = int(place.r) + int(place.g) * 256 + int(place.b) * 65536 - 1;
  if (column < 0) return vec4(0.0);
  if (u_step < 0) return vec4(u_noValue, 1.0);
  int at = u_step + column;
  vec4 value = texelFetch(u_values, ivec2(at % ${TEXTURE_WIDTH}, at / ${TEXTURE_WIDTH}), 0);
  return value.a > 0.5 ? vec4(value.rgb, 1.0) : vec4(u_noValue, 1.0);
}
`;

/** Makes the shader of a collection drawn as `extrusion` or `point`; `light` and `up` are directions in ECEF. */
export function shaderOf(collection: Collection, light: Cartesian3, up: Cartesian3): CustomShader {
  const { style, fields } = collection;
  const point = style.symbol === "point";
  const categories = categoriesOf(collection);
  const field = fields.find(({ name }) => name === style.colour_by);
  const ramp = field && categories.length === 0 ? style.ramp : null;
  const colours = ramp ? spread(ramp, PALETTE - 1) : categories.map(({ colour }) => rgb(colour));
  const index = !field
    ? `${PALETTE - 1}`
    : ramp
      ? "rampIndex(vsInput.metadata.colour)"
      : categories.length
        ? "categoryIndex(vsInput.metadata.colour)"
        : `${PALETTE - 1}`;
  const { minimum, maximum } = ramp ?? { minimum: 0, maximum: 1 };
  const indices = `
int categoryIndex(float code) { return isnan(code) ? ${PALETTE - 1} : int(code); }
int rampIndex(float value) {
  float share = (value - ${glsl(minimum)}) / ${glsl(maximum - minimum || 1)};
  return isnan(value) ? ${PALETTE - 1} : int(clamp(share, 0.0, 1.0) * ${glsl(PALETTE - 2)} + 0.5);
}
`;
  const unit = (colour: Rgb) => new Cartesian3(...(colour.map((channel) => channel / 255) as Rgb));
  return new CustomShader({
    lightingModel: LightingModel.UNLIT,
    uniforms: {
      u_day: { type: UniformType.FLOAT, value: 0 },
      u_step: { type: UniformType.INT, value: -1 },
      u_selected: { type: UniformType.INT, value: -1 },
      u_measured: { type: UniformType.BOOL, value: false },
      u_columns: { type: UniformType.SAMPLER_2D, value: texture(texels(1)) },
      u_values: { type: UniformType.SAMPLER_2D, value: texture(texels(1)) },
      u_palette: { type: UniformType.SAMPLER_2D, value: palette(collection, colours) },
      u_noValue: { type: UniformType.VEC3, value: unit(rgb(NO_VALUE)) },
      u_highlight: { type: UniformType.VEC3, value: unit(rgb(SELECTED)) },
      u_outline: { type: UniformType.VEC3, value: unit(rgb(style.outline ?? "#ffffff")) },
      u_light: { type: UniformType.VEC3, value: light },
      u_up: { type: UniformType.VEC3, value: up },
    },
    varyings: { v_colour: VaryingType.VEC3, v_size: VaryingType.FLOAT },
    vertexShaderText: `${COMMON}${indices}
      void vertexMain(VertexInput vsInput, inout czm_modelVertexOutput vsOutput) {
        int row = int(vsInput.metadata.row);
        bool alive = stands(vsInput.metadata.valid_from, vsInput.metadata.valid_to);
        bool selected = row == u_selected;
        vec4 value = valueOf(row);
        v_colour = value.a > 0.0 ? value.rgb : texelFetch(u_palette, ivec2(${index}, 0), 0).rgb;
        ${point ? pointVertex(collection) : extrusionVertex}
      }`,
    fragmentShaderText: point ? pointFragment : extrusionFragment,
  });
}

const extrusionVertex = `
        v_size = 0.0;
        if (selected) v_colour = u_highlight;
        if (!alive) vsOutput.positionMC = vec3(0.0);`;

/** Walls darken away from the light, so that edges read without outlines. */
const extrusionFragment = `
      void fragmentMain(FragmentInput fsInput, inout czm_modelMaterial material) {
        vec3 normal = normalize(fsInput.attributes.normalEC);
        float roof = smoothstep(0.6, 0.8, dot(normal, czm_viewRotation * u_up));
        float light = 0.5 + 0.5 * dot(normal, czm_viewRotation * u_light);
        vec3 tint = mix(vec3(0.80, 0.81, 0.86), vec3(1.0, 0.985, 0.95), light);
        float shade = mix(0.60 + 0.36 * light, 1.0, roof);
        material.diffuse = czm_srgbToLinear(v_colour * mix(tint, vec3(1.0), roof) * shade);
      }`;

/** Points beyond the distance of the style's zoom fade out, unless they carry a value or are selected. */
function pointVertex({ style }: Collection): string {
  const farthest = style.minimum_zoom > 0 ? 40_075_017 / 2 ** style.minimum_zoom : 1e9;
  return `
        vec3 eyeMC = (czm_inverseModelView * vec4(0.0, 0.0, 0.0, 1.0)).xyz;
        float distance = -(czm_modelView * vec4(vsOutput.positionMC, 1.0)).z;
        bool important = value.a > 0.0 || selected;
        float size = ${glsl(style.size)} * clamp(1500.0 / max(distance, 1.0), 0.5, 1.8);
        if (important) {
          size = max(${glsl(style.size)}, 9.0) * clamp(6000.0 / max(distance, 1.0), 0.9, 1.5);
          vsOutput.positionMC = mix(vsOutput.positionMC, eyeMC, 0.04);
        }
        if (selected) size += 7.0;
        v_size = alive && (important || distance < ${glsl(farthest)}) ? size * czm_pixelRatio : 0.0;
        if (v_size <= 0.0) vsOutput.positionMC = eyeMC;
        if (!important) v_size = -v_size;
        if (selected) v_size += 1000.0;
        vsOutput.pointSize = mod(abs(v_size), 1000.0);`;
}

/** Round points; those that carry a value have a rim, the selected one a bright ring. */
const pointFragment = `
      void fragmentMain(FragmentInput fsInput, inout czm_modelMaterial material) {
        float size = mod(abs(v_size), 1000.0);
        float radius = length(gl_PointCoord - vec2(0.5)) * size;
        if (radius > 0.5 * size || size < 0.5) discard;
        float rim = 0.5 * size - radius;
        vec3 colour = v_colour;
        if (v_size > 0.0 && rim < min(2.2 * czm_pixelRatio, 0.17 * size)) colour = u_outline;
        if (v_size > 0.0 && rim < min(0.9 * czm_pixelRatio, 0.07 * size)) colour = mix(u_outline, vec3(0.13, 0.19, 0.18), 0.65);
        if (v_size > 999.0 && rim < 4.0 * czm_pixelRatio) colour = u_highlight;
        material.diffuse = czm_srgbToLinear(colour);
      }`;

function glsl(number: number): string {
  return Number.isInteger(number) ? number.toFixed(1) : String(number);
}

/** A CSS colour as the engine has it. */
export function colour(hex: string): Color {
  return Color.fromCssColorString(hex);
}
