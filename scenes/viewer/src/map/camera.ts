/** Where one looks from: the first view, flights, and the movements of buttons and keys. */

import {
  Cartesian2,
  Cartesian3,
  Cartographic,
  HeadingPitchRange,
  Math as M,
  Matrix4,
  type Scene,
  Transforms,
} from "@cesium/engine";
import type { Box } from "../catalogue";
import type { Place, View } from "../state";

const FLIGHT = 1.2;
const HOME_PITCH = M.toRadians(-42);

export type Movement =
  | "zoomIn"
  | "zoomOut"
  | "turnLeft"
  | "turnRight"
  | "tiltUp"
  | "tiltDown"
  | "north"
  | "left"
  | "right"
  | "up"
  | "down";

export class Camera {
  private readonly quiet = window.matchMedia("(prefers-reduced-motion: reduce)");

  constructor(
    private readonly scene: Scene,
    private readonly extent: Box,
  ) {
    const controller = scene.screenSpaceCameraController;
    controller.minimumZoomDistance = 25;
    controller.maximumZoomDistance = this.size() * 6;
    controller.maximumTiltAngle = M.toRadians(86);
    controller.enableCollisionDetection = true;
  }

  /** Length of the extent's diagonal, metres. */
  private size(): number {
    const [west, south, east, north] = this.extent;
    return Cartesian3.distance(Cartesian3.fromDegrees(west, south), Cartesian3.fromDegrees(east, north));
  }

  /** The whole city, seen from the south at an angle. */
  home(animated = true): void {
    const [west, south, east, north] = this.extent;
    const wide = this.scene.canvas.clientWidth > this.scene.canvas.clientHeight;
    this.look(
      (west + east) / 2,
      (south + north) / 2,
      0,
      HOME_PITCH,
      this.size() * (wide ? 0.62 : 0.95),
      animated,
    );
  }

  /** Comes near a place, keeping the direction of the view. */
  approach(longitude: number, latitude: number): void {
    this.look(longitude, latitude, this.scene.camera.heading, M.toRadians(-38), 650, true);
  }

  view(): View {
    const { positionCartographic: place, heading, pitch } = this.scene.camera;
    return {
      longitude: M.toDegrees(place.longitude),
      latitude: M.toDegrees(place.latitude),
      height: place.height,
      heading: M.toDegrees(heading),
      pitch: M.toDegrees(pitch),
    };
  }

  set({ longitude, latitude, height, heading, pitch }: View): void {
    this.scene.camera.setView({
      destination: Cartesian3.fromDegrees(longitude, latitude, height),
      orientation: { heading: M.toRadians(heading), pitch: M.toRadians(pitch), roll: 0 },
    });
    this.scene.requestRender();
  }

  /** Moves about the point in the middle of the picture. */
  move(movement: Movement): void {
    const { camera } = this.scene;
    const target = this.middle();
    const place = Cartographic.fromCartesian(target);
    let [heading, pitch, range] = [
      camera.heading,
      camera.pitch,
      Cartesian3.distance(camera.positionWC, target),
    ];
    let [longitude, latitude] = [place.longitude, place.latitude];
    const pan = (angle: number) => {
      const metres = range * 0.12;
      latitude += (Math.cos(heading + angle) * metres) / 6_371_000;
      longitude += (Math.sin(heading + angle) * metres) / (6_371_000 * Math.cos(latitude));
    };
    const moves: Record<Movement, () => void> = {
      zoomIn: () => (range = Math.max(range * 0.6, 60)),
      zoomOut: () => (range = Math.min(range / 0.6, this.size() * 4)),
      turnLeft: () => (heading += Math.PI / 8),
      turnRight: () => (heading -= Math.PI / 8),
      tiltUp: () => (pitch = Math.min(pitch + 0.2, M.toRadians(-8))),
      tiltDown: () => (pitch = Math.max(pitch - 0.2, -Math.PI / 2 + 0.001)),
      north: () => (heading = 0),
      left: () => pan(-Math.PI / 2),
      right: () => pan(Math.PI / 2),
      up: () => pan(0),
      down: () => pan(Math.PI),
    };
    moves[movement]();
    this.look(M.toDegrees(longitude), M.toDegrees(latitude), heading, pitch, range, true, 0.35);
  }

  /** The place of the ground seen at a place of the canvas, in CSS pixels, to about a metre; null in the sky. */
  ground(x: number, y: number): Place | null {
    const found = this.scene.camera.pickEllipsoid(new Cartesian2(x, y), this.scene.globe.ellipsoid);
    if (!found) return null;
    const { longitude, latitude } = Cartographic.fromCartesian(found);
    // As the address has it, so that who is sent it sees the same.
    const degrees = (radians: number) => Number(M.toDegrees(radians).toFixed(5));
    return { longitude: degrees(longitude), latitude: degrees(latitude) };
  }

  /** The point of the ground in the middle of the picture, or under the camera when it sees the sky. */
  private middle(): Cartesian3 {
    const { camera, canvas, globe } = this.scene;
    const centre = new Cartesian2(canvas.clientWidth / 2, canvas.clientHeight / 2);
    const found = camera.pickEllipsoid(centre, globe.ellipsoid);
    if (found) return found;
    const { longitude, latitude } = camera.positionCartographic;
    return Cartesian3.fromRadians(longitude, latitude, 0);
  }

  private look(
    longitude: number,
    latitude: number,
    heading: number,
    pitch: number,
    range: number,
    animated: boolean,
    duration = FLIGHT,
  ): void {
    const { camera } = this.scene;
    const frame = Transforms.eastNorthUpToFixedFrame(Cartesian3.fromDegrees(longitude, latitude));
    const [position, direction, up] = [
      camera.positionWC.clone(),
      camera.directionWC.clone(),
      camera.upWC.clone(),
    ];
    camera.lookAtTransform(frame, new HeadingPitchRange(heading, pitch, range));
    const destination = camera.positionWC.clone();
    const orientation = { direction: camera.directionWC.clone(), up: camera.upWC.clone() };
    camera.lookAtTransform(Matrix4.IDENTITY);
    if (animated && !this.quiet.matches) {
      camera.setView({ destination: position, orientation: { direction, up } });
      camera.flyTo({ destination, orientation, duration, maximumHeight: Math.max(range * 1.2, 500) });
    } else camera.setView({ destination, orientation });
    this.scene.requestRender();
  }
}
