"""3D Tiles 1.1 made from columns: an explicit tileset of compressed GLB with metadata for each feature.

``frame`` places a tile on the ellipsoid, ``mesh`` makes its triangles or points, ``partition`` says
which features a tile holds, ``glb`` encodes one tile, ``writer`` streams a collection to a folder.
"""

from scenes.tiles3d.writer import Recipe, Summary, write_tileset

__all__ = ["Recipe", "Summary", "write_tileset"]
