#!/usr/bin/env python3
"""Times one training step of nanoGPT's GPT class and of Switchyard, in turn, on the same machine, and prints one table.

A step is forward + backward + clipping at 1.0 + AdamW + gradient reset on both sides, with random tokens.
Needs Python with PyTorch and a folder with nanoGPT's source (nothing of it is copied).

    kernels/bench/beside_nanogpt.py --nanogpt DIR --preset shakespeare-char-dense-cpu --threads 2
    kernels/bench/beside_nanogpt.py --nanogpt DIR --preset gpt2-124m --device cuda --compile
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
    "gpt2-124m": (12, 12, 768, 1024, 12, 50304, 0.0),
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
    step_model = torch.compile(model) if args.compile else model
    data = torch.randint(vocabulary, (8, batch, context + 1), device=args.device)
    on_gpu = args.device == "cuda"
    autocast = torch.autocast(args.device, torch.bfloat16, enabled=on_gpu)

    def step(i):
        tokens = data[i % len(data)]
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
    peak = torch.cuda.max_memory_allocated() / 2**30 if on_gpu else None
    return {"ms": statistics.median(blocks), "peak_gib": peak}


def time_ours(args):
    command = [args.engine, "bench", "step", "--preset", args.preset, "--device", args.device, "--json",
               "--warmup", str(args.warmup), "--steps", str(args.blocks * args.per_block),
               "--set", "train.grad_accum_steps=1"]
    if args.threads:
        command += ["--set", f"train.num_threads={args.threads}"]
    if args.batch:
        command += ["--set", f"train.micro_batch_size={args.batch}"]
    command += ["--vocab-size", str(SHAPES[args.preset][5])]
    for extra in args.set:
        command += ["--set", extra]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogpt", required=True, help="folder with nanoGPT's model.py")
    parser.add_argument("--engine", default=str(ROOT / "build/bin/switchyard-engine"))
    parser.add_argument("--preset", default="shakespeare-char-dense-cpu", choices=sorted(SHAPES))
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--compile", action="store_true", help="torch.compile the peer")
    parser.add_argument("--set", action="append", default=[], help="further settings for our side")
    parser.add_argument("--rounds", type=int, default=3, help="the two sides take turns this often")
    parser.add_argument("--warmup", type=int, default=10)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--per-block", type=int, default=10)
    parser.add_argument("--peer-only", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer_only:  # a process of its own per round, so that neither side keeps memory or threads
        print(json.dumps(time_peer(args, SHAPES[args.preset])))
        return
    peer, ours = [], []
    for _ in range(args.rounds):
        run = subprocess.run([sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--peer-only"],
                             check=True, capture_output=True, text=True)
        peer.append(json.loads(run.stdout.strip().splitlines()[-1]))
        ours.append(time_ours(args))
    peer_ms = statistics.median(row["ms"] for row in peer)
    ours_ms = statistics.median(row["ms"] for row in ours)
    memory = "" if peer[0]["peak_gib"] is None else f" | peak GiB {peer[0]['peak_gib']:.2f} → {ours[0].get('peak_gib') or 0:.2f}"
    print(f"{args.preset} on {args.device}: nanoGPT {peer_ms:.2f} ms (rounds {[round(r['ms'], 2) for r in peer]}), "
          f"Switchyard {ours_ms:.2f} ms (rounds {[round(r['ms'], 2) for r in ours]}), ratio {peer_ms / ours_ms:.2f}×{memory}")


if __name__ == "__main__":
    main()
