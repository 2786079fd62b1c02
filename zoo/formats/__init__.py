"""Reading and writing files of one configuration."""

from zoo.formats.files import FORMATS, read_glass, write_glass

__all__ = ["FORMATS", "read_glass", "write_glass"]
