"""Reading and writing files of one configuration."""

from zoo.formats.files import FORMATS, read_glass, read_glass_and_ids, write_glass

__all__ = ["FORMATS", "read_glass", "read_glass_and_ids", "write_glass"]
