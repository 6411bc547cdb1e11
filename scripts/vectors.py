# SPDX-License-Identifier: Apache-2.0
"""Writes the golden vectors: `python scripts/vectors.py`.

They are computed here a second time, in the plainest way and without the
package: bit strings for packing, `eth_abi` and keccak for hashes.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from eth_abi import encode
from eth_utils import keccak, to_checksum_address

TARGET = Path(__file__).parents[1] / "tests/vectors/protocol.json"
PAGE_WORDS = 768


def pack(codes: list[int], bits: int) -> list[bytes]:
    """Pages of the labels, by way of a string of ones and zeros."""
    text = "".join(f"{code:0{bits}b}" for code in codes)
    text += "0" * (-len(text) % 256)
    words = [int(text[at : at + 256], 2) for at in range(0, len(text), 256)]
    return [
        b"".join(word.to_bytes(32) for word in words[at : at + PAGE_WORDS])
        for at in range(0, len(words), PAGE_WORDS)
    ]


def page_hash(page: bytes) -> bytes:
    """keccak256 of the ABI-encoded words."""
    words = [int.from_bytes(page[at : at + 32]) for at in range(0, len(page), 32)]
    return keccak(encode(["uint256[]"], [words]))


def packing(chance: random.Random) -> list[dict[str, Any]]:
    """Labels, their pages and the pages' hashes."""
    vectors: list[dict[str, Any]] = []
    for bits in (1, 2, 4, 8, 16):
        lanes = 256 // bits
        for count in (1, lanes - 1, lanes, lanes + 1, PAGE_WORDS * lanes + 1):
            if count == 0:
                continue
            codes = [chance.randrange(2**bits) for _ in range(count)]
            pages = pack(codes, bits)
            # A full page is long; its hash says as much.
            is_short = len(codes) <= lanes + 1
            vectors.append(
                {
                    "bits": bits,
                    "labels": count,
                    "seed_codes": codes if is_short else None,
                    "constant": None if is_short else 2**bits - 1,
                    "pages": [page.hex() for page in pages] if is_short else None,
                    "page_hashes": [
                        page_hash(page).hex()
                        for page in (
                            pages if is_short else pack([2**bits - 1] * count, bits)
                        )
                    ],
                }
            )
    return vectors


def counts(chance: random.Random) -> list[dict[str, Any]]:
    """Words of truth and predictions, and how many labels differ."""
    vectors: list[dict[str, Any]] = []
    for bits in (1, 2, 4, 8, 16):
        lanes = 256 // bits
        for share in (0.0, 0.03, 0.5, 1.0):
            truth = [chance.randrange(2**bits) for _ in range(lanes)]
            guess = [
                (code + 1 + chance.randrange(2**bits - 1)) % 2**bits
                if chance.random() < share
                else code
                for code in truth
            ]
            vectors.append(
                {
                    "bits": bits,
                    "truth": pack(truth, bits)[0].hex(),
                    "predictions": pack(guess, bits)[0].hex(),
                    "differing": sum(a != b for a, b in zip(truth, guess, strict=True)),
                }
            )
    return vectors


def seals(chance: random.Random) -> list[dict[str, Any]]:
    """Seals of truths and of predictions, on one page and on two."""
    vectors: list[dict[str, Any]] = []
    for name, domain, count, bits in (
        ("a truth of one label", "truth", 1, 4),
        ("a truth of two pages", "truth", 12_300, 16),
        ("predictions of one page", "predictions", 360, 4),
        ("predictions of two pages", "predictions", 12_289, 16),
    ):
        codes = [chance.randrange(2**bits) for _ in range(count)]
        pages = pack(codes, bits)
        market, owner = (to_checksum_address(chance.randbytes(20)) for _ in range(2))
        zero = bytes(32)
        is_truth = domain == "truth"
        terms_hash = zero if is_truth else chance.randbytes(32)
        superhash = zero if is_truth else chance.randbytes(32)
        salt, chain_id = chance.randbytes(32), chance.randrange(2**32)
        core = keccak(
            encode(
                ["bytes32", "uint256", "address", "address", *["bytes32"] * 3],
                [
                    keccak(text=f"ModelMarket {domain} 1"),
                    chain_id,
                    market,
                    owner,
                    terms_hash,
                    superhash,
                    salt,
                ],
            )
        )
        inner = core
        for page in reversed(pages):
            inner = keccak(encode(["bytes32", "bytes32"], [page_hash(page), inner]))
        layer = inner
        # Predictions bind the model's superhash once more, where all can see it.
        seal = (
            layer
            if is_truth
            else keccak(encode(["bytes32", "bytes32"], [layer, superhash]))
        )
        vectors.append(
            {
                "name": name,
                "domain": domain,
                "labels": count,
                "bits": bits,
                "chain_id": chain_id,
                "market": market,
                "owner": owner,
                "terms_hash": terms_hash.hex(),
                "superhash": superhash.hex(),
                "salt": salt.hex(),
                "pages": [page.hex() for page in pages],
                "core": core.hex(),
                "layer": layer.hex(),
                "seal": seal.hex(),
            }
        )
    return vectors


def main() -> None:
    """Writes the file; the same every time."""
    chance = random.Random(20_261_122)  # noqa: S311  # the same every time
    vectors = {
        "packing": packing(chance),
        "counts": counts(chance),
        "seals": seals(chance),
    }
    TARGET.write_text(json.dumps(vectors, indent=1) + "\n")
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
