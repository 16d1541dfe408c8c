"""Matrix products: packing, the kernel on the golden model and in RTL, and ``python -m sim matmul``."""

import numpy as np
import pytest

from hdl.config import D1, SIM, ULX3S, Config
from hdl.number_formats import Format
from sim import numerics, packing
from sim.__main__ import main
from sim.job import run_model
from sim.matmul import MatrixError, Product
from sim.rtl import run_rtl

SEED = 1


def operands(rows: int, depth: int, columns: int) -> tuple[numerics.Bf16, numerics.Bf16]:
    """Random BF16 matrices whose values span many binades, with some zeros of both signs."""
    rng = np.random.default_rng([SEED, rows, depth, columns])

    def values(shape):
        scale = np.exp2(rng.integers(-20, 20, shape))
        return numerics.bf16_from_values(rng.normal(size=shape) * scale * rng.choice([0, -0.0, 1, 1, 1], shape))

    return values((rows, depth)), values((depth, columns))


def product_of(a, b, config: Config, run=run_model) -> numerics.Fp32:
    product = Product(a, b, config)
    result = run(product.job)
    result.check()
    return product.c(result)


@pytest.mark.parametrize("config", [SIM, D1, ULX3S], ids=lambda config: config.name)
@pytest.mark.parametrize("shape", [(1, 1, 1), (8, 8, 8), (16, 16, 16), (17, 5, 33), (3, 100, 5), (1, 64, 40)])
def test_product_of_any_shape_on_the_model(config, shape):
    a, b = operands(*shape)
    assert (product_of(a, b, config) == numerics.matmul(a, b, config)).all()


@pytest.mark.parametrize("shape", [(37, 53, 91), (64, 64, 64), (130, 4, 70)])
@pytest.mark.parametrize("mesh", [(1, 1), (2, 2), (3, 2)], ids=lambda mesh: f"{mesh[0]}x{mesh[1]}")
def test_product_on_meshes_of_any_size(mesh, shape):
    config = SIM.with_mesh(columns=mesh[0], rows=mesh[1])
    a, b = operands(*shape)
    assert (product_of(a, b, config) == numerics.matmul(a, b, config)).all()


def cfloat8_product(shape, config: Config, run, code: Format) -> None:
    rng = np.random.default_rng([SEED, *shape])
    rows, depth, columns = shape
    a, b = (rng.integers(0, 256, size).astype(np.uint8) for size in ((rows, depth), (depth, columns)))
    product = Product(a, b, config, cfloat8=code)
    result = run(product.job)
    result.check()
    left, right = (numerics.bf16_from_cfloat8(codes, code) for codes in (a, b))
    assert (product.c(result) == numerics.matmul(left, right, config)).all()


@pytest.mark.parametrize("code", [Format.CFLOAT8_1_4_3, Format.CFLOAT8_1_5_2], ids=lambda code: code.name)
@pytest.mark.parametrize("shape", [(1, 1, 1), (16, 16, 16), (37, 53, 91)])
def test_products_of_cfloat8_on_the_model(shape, code):
    cfloat8_product(shape, SIM, run_model, code)


def test_products_of_cfloat8_in_rtl():
    cfloat8_product((37, 53, 91), SIM, run_rtl, Format.CFLOAT8_1_4_3)


def test_cfloat8_is_refused_where_it_is_not():
    codes = np.zeros((4, 4), np.uint8)
    with pytest.raises(MatrixError, match="ULX3S do not multiply CFloat8"):
        Product(codes, codes, ULX3S)


def with_specials(shape) -> tuple[numerics.Bf16, numerics.Bf16]:
    a, b = operands(*shape)
    a[0, 0], a[1, 2], a[3, 1], b[0, 0], b[2, 5] = 0x7F80, 0xFF80, 0x7FC1, 0x0000, 0x7F80
    a[4, 2], a[5, :], a[6, 0] = 0x3F80, 0, 0x0001
    return a, b


def test_infinities_and_nans():
    a, b = with_specials((9, 6, 18))
    c = product_of(a, b, SIM)
    assert (c == numerics.matmul(a, b, SIM)).all()
    values = c.view(np.float32)
    assert np.isnan(values[0, 0]) and np.isnan(values[3]).all() and np.isinf(values[4, 5])
    assert np.isfinite(values[6, [0, 1, 2]]).all()


def test_every_element_of_a_large_product_is_where_it_belongs():
    rows, columns = 50, 45
    a = numerics.bf16_from_values(np.arange(rows)[:, None] * [1, 0])
    b = numerics.bf16_from_values(np.array([np.ones(columns), np.arange(columns)]))
    a[:, 1] = numerics.bf16_from_values(1 / 256)
    c = product_of(a, b, SIM).view(np.float32)
    assert (c == np.arange(rows)[:, None] + np.arange(columns) / 256).all()


def test_packing_a_block_in_its_documented_order():
    config = SIM
    a = np.arange(16 * 8, dtype=np.uint16).reshape(16, 8)
    packed = np.frombuffer(packing.pack_a(a, config), "<u2").reshape(4, 2, 8, 4)
    assert (packed[1, 1] == a[8:, 4:]).all()
    assert (packed[2:] == 0).all()
    b = np.arange(8 * 16, dtype=np.uint16).reshape(8, 16)
    packed = np.frombuffer(packing.pack_b(b, config), "<u2").reshape(4, 2, 4, 8)
    assert (packed[1, 0] == b[4:, :8]).all()
    assert (packed[0, 1] == b[:4, 8:]).all()


def test_a_product_that_does_not_fit():
    a, b = operands(300, 300, 300)
    with pytest.raises(MatrixError, match=r"300 x 300 by 300 x 300 does not fit in a mesh of 2 x 2 nodes: a node needs "
                                          r"[\d,]+ bytes and has [\d,]+ free of its 131,072"):
        Product(a, b, SIM)


@pytest.mark.parametrize("shape", [(1, 1, 1), (37, 53, 91)])
def test_product_in_rtl(shape):
    a, b = operands(*shape)
    assert (product_of(a, b, SIM, run_rtl) == numerics.matmul(a, b, SIM)).all()


def test_infinities_and_nans_in_rtl():
    a, b = with_specials((9, 6, 18))
    assert (product_of(a, b, SIM, run_rtl) == numerics.matmul(a, b, SIM)).all()


@pytest.fixture
def files(tmp_path):
    """Saves arrays and names their files."""
    def save(**arrays):
        for name, array in arrays.items():
            np.save(tmp_path / f"{name}.npy", array)
        return [str(tmp_path / f"{name}.npy") for name in arrays]

    return save


def test_command_writes_the_product(files, tmp_path, capsys):
    rng = np.random.default_rng(SEED)
    a, b = rng.normal(size=(20, 7)).astype(np.float32), rng.normal(size=(7, 9)).astype(np.float32)
    output = tmp_path / "product.npy"
    assert main(["matmul", *files(a=a, b=np.asfortranarray(b)), "-o", str(output), "--model"]) == 0
    c = np.load(output)
    assert (c.dtype, c.shape) == (np.float32, (20, 9))
    expected = numerics.matmul(numerics.bf16_from_values(a), numerics.bf16_from_values(b), SIM)
    assert (c.view(np.uint32) == expected).all()
    assert "yes (180 elements)" in capsys.readouterr().out


def test_command_reports_a_difference(files, tmp_path, capsys, monkeypatch):
    right = numerics.matmul
    monkeypatch.setattr(numerics, "matmul", lambda a, b, config: right(a, b, config) ^ 1)
    ones = np.ones((4, 4), np.float32)
    assert main(["matmul", *files(a=ones, b=ones), "-o", str(tmp_path / "c.npy"), "--model"]) == 1
    assert "NO (16 elements)" in capsys.readouterr().out


ONES = np.ones((3, 4), np.float32)


@pytest.mark.parametrize(("a", "b", "message"), [
    (ONES.astype(np.float64), ONES.T, "a.npy: holds float64; float32 is needed"),
    (ONES, ONES.T.astype(np.int32), "b.npy: holds int32; float32 is needed"),
    (ONES.astype(">f4"), ONES.T, "a.npy: holds >f4; float32 is needed"),
    (ONES[0], ONES.T, "a.npy: has 1 dimensions; a matrix has 2"),
    (ONES, ONES[None], "b.npy: has 3 dimensions; a matrix has 2"),
    (ONES[:, :0], ONES.T, "a.npy: is empty, 3 x 0"),
    (ONES, ONES, "inner dimensions 4 and 3 differ"),
])
def test_command_refuses_other_arrays(files, capsys, a, b, message):
    assert main(["matmul", *files(a=a, b=b), "--model"]) != 0
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_command_refuses_other_files(files, tmp_path, capsys):
    [a] = files(a=ONES)
    text, archive, objects = tmp_path / "text.npy", tmp_path / "archive.npy", tmp_path / "objects.npy"
    text.write_text("1 2 3")
    with archive.open("wb") as file:
        np.savez(file, b=ONES)
    np.save(objects, np.array([{}]), allow_pickle=True)
    for path, message in ((tmp_path / "none.npy", "cannot be read: No such file or directory"),
                          (tmp_path, "cannot be read: Is a directory"),
                          (text, "not a .npy file of numbers"), (objects, "not a .npy file of numbers"),
                          (archive, "is an archive of arrays")):
        assert main(["matmul", a, str(path), "--model"]) != 0
        [line] = capsys.readouterr().err.splitlines()
        assert f"{path}: {message}" in line
