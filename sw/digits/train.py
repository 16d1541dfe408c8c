"""Trains the network of the digits program: 64 pixels, 64 hidden units (ReLU), 10 digits.

``python -m sw.digits.train`` writes ``weights.npz`` beside this file. Seeds are fixed and NumPy does all of the work.
Scikit-learn's 1,797 images are shuffled once; the last `TEST_IMAGES` of them are for the mesh to recognise and are
never trained on. (Unshuffled, they would be the hands of writers that the training images do not have.)
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

WEIGHTS = Path(__file__).with_name("weights.npz")
TEST_IMAGES = 512
PIXELS = 64
HIDDEN = 64
DIGITS = 10


def images() -> tuple[np.ndarray, np.ndarray]:
    """Every image, float32 [1797, 64] from 0 to 1 (sixteenths, exact in BF16), and its digit, int64 [1797]."""
    pixels, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(pixels))
    return (pixels[order] / 16).astype(np.float32), digits[order]


def test_images() -> tuple[np.ndarray, np.ndarray]:
    """The images and digits that are not trained on."""
    pixels, digits = images()
    return pixels[-TEST_IMAGES:], digits[-TEST_IMAGES:]


def train(*, epochs: int = 100, batch: int = 64, rate: float = 2e-3, seed: int = 1) -> dict[str, np.ndarray]:
    """Minimise the cross-entropy by Adam.

    Returns
    -------
    dict
        float32 arrays: w1 [PIXELS, HIDDEN], b1 [HIDDEN], w2 [HIDDEN, DIGITS], b2 [DIGITS].
    """
    rng = np.random.default_rng(seed)
    pixels, digits = (array[:-TEST_IMAGES] for array in images())
    one_hot = np.eye(DIGITS)[digits]
    weights = {
        "w1": rng.normal(0, np.sqrt(2 / PIXELS), (PIXELS, HIDDEN)), "b1": np.zeros(HIDDEN),
        "w2": rng.normal(0, np.sqrt(2 / HIDDEN), (HIDDEN, DIGITS)), "b2": np.zeros(DIGITS),
    }
    mean = {name: np.zeros_like(value) for name, value in weights.items()}
    square = {name: np.zeros_like(value) for name, value in weights.items()}
    step = 0
    for epoch in range(epochs):
        order = rng.permutation(len(pixels))
        for start in range(0, len(order), batch):
            chosen = order[start:start + batch]
            x = pixels[chosen]
            hidden = np.maximum(x @ weights["w1"] + weights["b1"], 0)
            logits = hidden @ weights["w2"] + weights["b2"]
            odds = np.exp(logits - logits.max(axis=1, keepdims=True))
            d_logits = (odds / odds.sum(axis=1, keepdims=True) - one_hot[chosen]) / len(chosen)
            d_hidden = d_logits @ weights["w2"].T * (hidden > 0)
            gradients = {"w1": x.T @ d_hidden, "b1": d_hidden.sum(0), "w2": hidden.T @ d_logits, "b2": d_logits.sum(0)}
            step += 1
            for name, gradient in gradients.items():
                mean[name] += 0.1 * (gradient - mean[name])
                square[name] += 0.001 * (gradient**2 - square[name])
                direction = mean[name] / (1 - 0.9**step) / (np.sqrt(square[name] / (1 - 0.999**step)) + 1e-8)
                weights[name] -= rate * (1 - epoch / epochs) * direction
    return {name: value.astype(np.float32) for name, value in weights.items()}


if __name__ == "__main__":
    weights = train()
    np.savez(WEIGHTS, allow_pickle=False, **weights)
    pixels, digits = test_images()
    hidden = np.maximum(pixels @ weights["w1"] + weights["b1"], 0)
    right = (hidden @ weights["w2"] + weights["b2"]).argmax(axis=1) == digits
    print(f"{WEIGHTS}: {right.sum()} of the {len(digits)} test images recognised ({right.mean():.1%})")
