#!/usr/bin/env python3
"""Times one mixture-of-experts layer of PyTorch's peers and of Switchyard, in turn, on the same GPU, and prints one table.

A call is the forward and backward of one layer in bfloat16, router included, with random tokens. FLOPs are those of the
active expert products alone, three times the forward, on every side. The peers' script is not part of this repository.

    kernels/bench/beside_moe.py --peers DIR [--scattermoe DIR] [--compile] [--shapes 0,2] [--acts swiglu,gelu]

DIR has moe_layer.py, which prints one JSON line per peer, shape and activation.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHAPES = [  # width, expert width, experts, choices, tokens; the peers' script counts them in this order
    (2048, 1024, 64, 8, 32768),
    (4096, 1536, 128, 8, 16384),
    (768, 1536, 8, 2, 32768),
    (1024, 512, 64, 8, 32768),
    (384, 768, 8, 2, 16384),
]
ACTIVATIONS = {"swiglu": "swiglu", "gelu": "gelu_erf"}  # the peers' word: ours
DENSE = "dense_same_active"


def flops(shape, act):
    width, expert_width, _, choices, tokens = shape
    products = 3 if act == "swiglu" else 2
    return 3 * products * 2 * tokens * choices * width * expert_width


def run(command):
    """The JSON objects that a command prints, one a line."""
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def time_peers(args, index, act):
    """Rows by variant: every side of the peers' script at one shape, in a process of its own."""
    command = [sys.executable, str(pathlib.Path(args.peers) / "moe_layer.py"), "--device", args.device, "--acts", act,
               "--shapes", str(index), "--warmup", str(args.warmup), "--blocks", str(args.blocks), "--per-block", str(args.per_block)]
    if args.scattermoe:
        command += ["--scattermoe", args.scattermoe]
    if args.compile:
        command.append("--compile")
    rows = {}
    for row in run(command):
        if "error" in row:
            print(f"{row['variant']}: {row['error']}", file=sys.stderr)
        elif row["variant"] != "check":
            expected = [row[key] for key in ("width", "expert_width", "experts", "k", "tokens")]
            if list(SHAPES[index]) != expected:
                sys.exit(f"{command[1]}: expected shape {index} to be {SHAPES[index]}, found {expected}")
            rows[row["variant"]] = row
    return rows


def time_ours(args, shape, act):
    command = [args.engine, "bench", "experts", "--shape", ",".join(str(size) for size in shape), "--activation", ACTIVATIONS[act], "--json"]
    return run(command)[-1]


def middle(rows, shape, act):
    """The median over rounds: milliseconds, TFLOP/s by this script's rule, and the largest peak."""
    ms = statistics.median(row["ms"] for row in rows)
    return ms, flops(shape, act) / ms / 1e9, max(row["peak_gib"] for row in rows)


def compare(args, index, act):
    shape, ours, peers = SHAPES[index], [], {}
    for _ in range(args.rounds):
        for variant, row in time_peers(args, index, act).items():
            peers.setdefault(variant, []).append(row)
        ours.append(time_ours(args, shape, act))
    table = {variant: middle(rows, shape, act) for variant, rows in peers.items()}
    sparse = {variant: row for variant, row in table.items() if variant != DENSE}
    if not sparse or DENSE not in table:
        sys.exit(f"shape {index}, {act}: the peers' script timed no sparse side or no dense one")
    best = min(sparse, key=lambda variant: sparse[variant][0])
    ms, tflops, peak = middle(ours, shape, act)
    width, expert_width, experts, choices, tokens = shape
    others = ", ".join(f"{variant} {row[1]:.0f}" for variant, row in sparse.items() if variant != best)
    rounds = " ".join(f"{a['ms']:.2f}/{b['ms']:.2f}" for a, b in zip(peers[best], ours))
    machine = next(iter(peers.values()))[0]
    return machine, (f"| {width}/{expert_width}, {experts}E top-{choices}, {tokens} | {act} | {best} {sparse[best][1]:.0f} ({sparse[best][0]:.2f}) | {others or '–'} "
                     f"| {table[DENSE][1]:.0f} ({table[DENSE][0]:.2f}) | {tflops:.0f} ({ms:.2f}) | {sparse[best][0] / ms:.2f}× | {table[DENSE][0] / ms:.2f}× "
                     f"| {sparse[best][2]:.2f} → {peak:.2f} GiB | {rounds} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", required=True, help="folder with the peers' moe_layer.py")
    parser.add_argument("--scattermoe", help="ScatterMoE's source folder, given to that script")
    parser.add_argument("--compile", action="store_true", help="let the peers' layer run under torch.compile as well")
    parser.add_argument("--engine", default=str(ROOT / "build/bin/switchyard-engine"))
    parser.add_argument("--device", default="cuda", help="of the peers")
    parser.add_argument("--shapes", default="0,1,2,3,4", help="indices into this script's list")
    parser.add_argument("--acts", default="swiglu,gelu", help="comma list of swiglu, gelu (exact)")
    parser.add_argument("--rounds", type=int, default=2, help="the two sides take turns this often")
    parser.add_argument("--warmup", type=int, default=20)
    parser.add_argument("--blocks", type=int, default=10)
    parser.add_argument("--per-block", type=int, default=5)
    parser.add_argument("--out", help="file for the table, beside standard output")
    args = parser.parse_args()
    shapes, acts = args.shapes.split(","), args.acts.split(",")
    if not all(index.isdigit() and int(index) < len(SHAPES) for index in shapes):
        parser.error(f"--shapes: expected indices from 0 to {len(SHAPES) - 1}, found {args.shapes}")
    if not all(act in ACTIVATIONS for act in acts):
        parser.error(f"--acts: expected some of {', '.join(ACTIVATIONS)}, found {args.acts}")
    lines = ["| width/expert width, experts, tokens | activation | best peer, TFLOP/s (ms) | other peers, TFLOP/s | dense of equal active size | Switchyard "
             "| to the best peer | to dense | peak memory | rounds, ms |", "|---|---|---|---|---|---|---|---|---|---|"]
    for index in shapes:
        for act in acts:
            machine, line = compare(args, int(index), act)
            lines.append(line)
            print(line, flush=True)
    name = machine.get("gpu") or f"{machine['cpu_threads']} CPU threads"
    lines.append(f"\n{name}, PyTorch {machine['torch']}, CUDA {machine.get('cuda')}; medians of {args.rounds} rounds in turn.")
    print("\n".join(lines))
    if args.out:
        pathlib.Path(args.out).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
