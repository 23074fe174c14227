"""The documentation as data: its pages, the blocks in them, and the pages that are made from the code."""
