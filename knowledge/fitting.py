"""Sparse matrices for training; needs scipy, which running never does."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

from knowledge.vectors import Families, Space


def rows_of(space: Space, texts: Sequence[Families], shares: Sequence[float]) -> csr_matrix:
    """A row a text, a column a feature of `space`."""
    vectors = [space.vector(families, shares) for families in texts]
    ends = np.cumsum([0, *(len(columns) for columns, _ in vectors)])
    columns = np.concatenate([columns for columns, _ in vectors])
    values = np.concatenate([values for _, values in vectors])
    return csr_matrix((values, columns, ends), shape=(len(texts), len(space.columns)))
