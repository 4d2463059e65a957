#!/usr/bin/env python3
"""Times training steps of nanoGPT's GPT class and of Switchyard, in turn, on the same machine, and prints one table.

A step is forward + backward + clipping at 1.0 + AdamW + gradient reset on both sides, with random tokens.
Needs Python with PyTorch and a folder with nanoGPT's source (nothing of it is copied).

    kernels/bench/beside_nanogpt.py --nanogpt DIR --rows shakespeare-char-dense-cpu:eager --threads 2
    kernels/bench/beside_nanogpt.py --nanogpt DIR --rows gpt2-124m:compile,shakespeare-char-dense:graphs --device cuda

A row is a preset and how PyTorch runs the peer: eager, compile (torch.compile) or graphs (its CUDA-graph mode).
"""
import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHAPES = {  # layers, heads, width, context, batch, vocabulary, dropout
    "shakespeare-char-dense-cpu": (4, 4, 128, 64, 12, 84, 0.0),
    "shakespeare-char-dense": (6, 6, 384, 256, 64, 65, 0.2),
    "gpt2-124m": (12, 12, 768, 1024, 64, 50304, 0.0),
}


def load_peer(folder):
    spec = importlib.util.spec_from_file_location("nanogpt_model", pathlib.Path(folder) / "model.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["nanogpt_model"] = module
    spec.loader.exec_module(module)
    return module


def time_peer(args, shape):
    import torch
    layers, heads, width, context, batch, vocabulary, dropout = shape
    batch = args.batch or batch
    torch.manual_seed(1337)
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    peer = load_peer(args.nanogpt)
    stdout, sys.stdout = sys.stdout, sys.stderr  # the peer prints while it builds
    model = peer.GPT(peer.GPTConfig(n_layer=layers, n_head=heads, n_embd=width, block_size=context,
                                    vocab_size=vocabulary, dropout=dropout, bias=False)).to(args.device)
    optimizer = model.configure_optimizers(0.1, 1e-3, (0.9, 0.99), args.device)
    sys.stdout = stdout
    modes = {"eager": None, "compile": "default", "graphs": "reduce-overhead"}
    mode = modes[args.peer_only]
    step_model = model if mode is None else torch.compile(model, mode=mode)
    data = torch.randint(vocabulary, (8, batch, context + 1), device=args.device)
    on_gpu = args.device == "cuda"
    autocast = torch.autocast(args.device, torch.bfloat16, enabled=on_gpu)

    def step(i):
        tokens = data[i % len(data)]
        if mode == "reduce-overhead":
            torch.compiler.cudagraph_mark_step_begin()
        with autocast:
            _, loss = step_model(tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    for i in range(args.warmup):
        step(i)
    blocks = []
    for _ in range(args.blocks):
        if on_gpu:
            torch.cuda.synchronize()
        start = time.perf_counter()
        for i in range(args.per_block):
            step(i)
        if on_gpu:
            torch.cuda.synchronize()
        blocks.append((time.perf_counter() - start) * 1e3 / args.per_block)
    if on_gpu:
        machine = torch.cuda.get_device_name()
        reserved = mode == "reduce-overhead"  # tensors inside its graphs are not counted as allocated
        peak = (torch.cuda.max_memory_reserved() if reserved else torch.cuda.max_memory_allocated()) / 2**30
    else:
        machine, peak = f"{torch.get_num_threads()} CPU threads", None
    return {"ms": statistics.median(blocks), "peak_gib": peak, "machine": machine,
            "versions": f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}" if on_gpu else f"PyTorch {torch.__version__}"}


def time_ours(args, preset):
    shape = SHAPES[preset]
    command = [args.engine, "bench", "step", "--preset", preset, "--device", args.device, "--json",
               "--warmup", str(args.warmup), "--steps", str(args.blocks * args.per_block),
               "--set", "train.grad_accum_steps=1", "--set", f"train.micro_batch_size={args.batch or shape[4]}",
               "--vocab-size", str(shape[5])]
    if args.threads:
        command += ["--set", f"train.num_threads={args.threads}"]
    for extra in args.set:
        command += ["--set", extra]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{run.stdout}{run.stderr}")
    return json.loads(run.stdout.strip().splitlines()[-1])


def time_peer_apart(preset, mode):
    """In a process of its own, so that neither side keeps memory or threads."""
    run = subprocess.run([sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--peer-only", mode, "--rows", f"{preset}:{mode}"],
                         capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(run.stdout + run.stderr)
    return json.loads(run.stdout.strip().splitlines()[-1])


def compare(args, preset, mode):
    peer, ours = [], []
    for _ in range(args.rounds):
        peer.append(time_peer_apart(preset, mode))
        ours.append(time_ours(args, preset))
    peer_ms, ours_ms = (statistics.median(row["ms"] for row in side) for side in (peer, ours))
    rounds = " ".join(f"{a['ms']:.2f}/{b['ms']:.2f}" for a, b in zip(peer, ours))
    memory = "" if peer[0]["peak_gib"] is None else f"{peer[0]['peak_gib']:.2f} → {ours[0]['peak_gib']:.2f} GiB"
    return peer[0], (f"| {preset}, nanoGPT {mode} | {peer_ms:.2f} ms | {ours_ms:.2f} ms | {peer_ms / ours_ms:.2f}× | {memory} | {rounds} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogpt", required=True, help="folder with nanoGPT's model.py")
    parser.add_argument("--engine", default=str(ROOT / "build/bin/switchyard-engine"))
    parser.add_argument("--rows", default="shakespeare-char-dense-cpu:eager", help="PRESET:MODE,…")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], help="further settings for our side")
    parser.add_argument("--rounds", type=int, default=3, help="the two sides take turns this often")
    parser.add_argument("--warmup", type=int, default=20)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--per-block", type=int, default=10)
    parser.add_argument("--out", help="file for the table, beside standard output")
    parser.add_argument("--peer-only", choices=["eager", "compile", "graphs"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    rows = [row.split(":") for row in args.rows.split(",")]
    for row in rows:
        if len(row) != 2 or row[0] not in SHAPES or row[1] not in ("eager", "compile", "graphs"):
            parser.error(f"expected PRESET:MODE with a preset of {sorted(SHAPES)}, found {':'.join(row)}")
    if args.peer_only:
        print(json.dumps(time_peer(args, SHAPES[rows[0][0]])))
        return
    lines = ["| Work | nanoGPT | Switchyard | ratio | peak memory | rounds, ms |", "|---|---|---|---|---|---|"]
    for preset, mode in rows:
        peer, line = compare(args, preset, mode)
        lines.append(line)
        print(line, flush=True)
    settings = " ".join(args.set) or "none"
    lines.append(f"\n{peer['machine']}, {peer['versions']}; medians of {args.rounds} rounds in turn; settings of our side beside the preset: {settings}.")
    print("\n".join(lines))
    if args.out:
        pathlib.Path(args.out).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
