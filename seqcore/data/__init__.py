"""Tables in: files of every format and data sets of the hub, and rows of them, checked."""

from seqcore.data.parallel import parallel_columns
from seqcore.data.parts import PartOfRows, hold_out, row_list, row_number
from seqcore.data.references import file_or_bytes
from seqcore.data.rows import filled, read_rows
from seqcore.data.table import Table, missing_column
from seqcore.data.tables import open_table
from seqcore.data.text_files import is_file

__all__ = [
    "PartOfRows",
    "Table",
    "file_or_bytes",
    "filled",
    "hold_out",
    "is_file",
    "missing_column",
    "open_table",
    "parallel_columns",
    "read_rows",
    "row_list",
    "row_number",
]
