"""What the public sees: 3D Tiles, map tiles, time values and the viewer."""
