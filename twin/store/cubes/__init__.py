"""How a coverage is written: two Zarr copies, chunked for maps and for series, and the list of its steps.

A map at one instant and a series at one cell ask for opposite chunks: on one layout the other
question is some thirty times slower, and a second copy costs less than that. Of a coverage that is
written again, the steps that did not change are linked from the former folder, and not written.
"""

from twin.store.cubes.former import STEPS_FILE, open_kept
from twin.store.cubes.layouts import LAYOUTS, Layout, is_shard, open_layout
from twin.store.cubes.writing import write_cube, write_steps

__all__ = ["LAYOUTS", "STEPS_FILE", "Layout", "is_shard", "open_kept", "open_layout", "write_cube", "write_steps"]
