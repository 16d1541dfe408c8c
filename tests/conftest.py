"""What several files of tests use."""

import pytest

from tests.riscv import Single


@pytest.fixture
def single() -> Single:
    """A thread of the golden model."""
    return Single()
