"""How fast does the index match, beside a full scan, pyroaring and tantivy on the same data in the same run?"""
