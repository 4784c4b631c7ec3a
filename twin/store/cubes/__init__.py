"""How a coverage is written: two Zarr copies, chunked for maps and for series, and the list of its steps.

A map at one instant and a series at one cell ask for opposite chunks: on one layout the other
question is some thirty times slower, and a second copy costs less than that. Of a coverage that is
written again, the steps that did not change are linked from the former folder, and not written.
"""

from twin.store.cubes.form import GRID_MAPPING
from twin.store.cubes.layouts import LAYOUTS, Layout, is_shard
from twin.store.cubes.writing import STEPS_FILE, write_cube, write_steps

__all__ = ["GRID_MAPPING", "LAYOUTS", "STEPS_FILE", "Layout", "is_shard", "write_cube", "write_steps"]
