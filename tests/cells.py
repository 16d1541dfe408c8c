"""The cells that tests of synthesis use, where they are: the repository does not hold ASAP7's."""

import pytest

from synth import pdk

ASAP7 = pdk.find(None)

needs_asap7 = pytest.mark.skipif(
    ASAP7 is None, reason="the ASAP7 library is not beside the checkout; PDK= can name another place")
