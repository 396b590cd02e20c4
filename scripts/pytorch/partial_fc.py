"""A divided loss head in PyTorch over gloo, in turns with `ddp-bench head`; see ../compare-partial-fc.

Started by torch.distributed.run it is one rank of PyTorch's side: insightface's own PartialFC_V2 with its
ArcFace loss and SGD as its train_v2.py has them, where `--arcface-torch` names its folder; and what it does
(arXiv 2203.15565 and its order of operations) stated again as lean as PyTorch can: embeddings are gathered,
each rank has the logits of its classes whole, three all-reduces of a number a face make the softmax, the
gradients of the embeddings are reduced to their owners; sampled classes are the batch's and random others,
as many on each rank; SGD with momentum moves all rows. Angles are taken of the targets alone, softmax and its
gradient stay in one memory, the update is fused. Otherwise it runs all sides and prints a table.
"""

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTH = 512


def peak_memory():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def published_step(options, local):
    """A step of insightface's PartialFC_V2, from its own files: a function that returns its seconds."""
    import torch

    sys.path.insert(0, options.arcface_torch)
    torch.Tensor.cuda = lambda self, *arguments, **options: self
    from losses import CombinedMarginLoss
    from partial_fc_v2 import PartialFC_V2

    head = PartialFC_V2(CombinedMarginLoss(64, 1, 0.5, 0), WIDTH, options.classes, options.sample_classes)
    head.train()
    optimizer = torch.optim.SGD(head.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def step():
        embeddings = torch.randn(local, WIDTH, requires_grad=True)
        own = torch.randint(options.classes, (local,))
        start = time.perf_counter()
        loss = head(embeddings, own)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds = time.perf_counter() - start
        if not math.isfinite(loss.item()):
            raise RuntimeError(f"loss {loss.item()}")
        return seconds

    return step


def lean_step(options, local):
    """A step of the same, stated again: a function that returns its seconds."""
    import torch
    import torch.distributed as dist
    from torch.nn import functional

    class Gather(torch.autograd.Function):
        """Embeddings of all ranks; each gradient is the sum of what the ranks say."""

        @staticmethod
        def forward(context, own):
            parts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
            dist.all_gather(parts, own)
            return torch.cat(parts)

        @staticmethod
        def backward(context, gradient):
            ranks = dist.get_world_size()
            parts = [part.contiguous() for part in gradient.chunk(ranks)]
            for owner, part in enumerate(parts):
                dist.reduce(part, owner)
            return ranks * parts[dist.get_rank()]

    class Softmax(torch.autograd.Function):
        """The mean cross entropy of logits whose classes lie on several ranks; label -1 is elsewhere."""

        @staticmethod
        def forward(context, logits, labels):
            greatest = logits.max(dim=1, keepdim=True).values
            dist.all_reduce(greatest, dist.ReduceOp.MAX)
            shares = logits.sub_(greatest).exp_()
            sums = shares.sum(dim=1, keepdim=True)
            dist.all_reduce(sums)
            shares.div_(sums)
            here = torch.where(labels >= 0)[0]
            target = torch.zeros(logits.shape[0], 1)
            target[here, 0] = shares[here, labels[here]]
            dist.all_reduce(target)
            context.save_for_backward(here, labels, shares)
            return target.clamp_min(1e-30).log().neg().mean()

        @staticmethod
        def backward(context, scale):
            here, labels, shares = context.saved_tensors
            shares[here, labels[here]] -= 1
            return shares.div_(shares.shape[0]).mul_(scale), None

    rank, ranks = dist.get_rank(), dist.get_world_size()
    # The first ranks have one class more where they do not divide.
    count = options.classes // ranks + (rank < options.classes % ranks)
    first = options.classes // ranks * rank + min(rank, options.classes % ranks)
    weight = torch.nn.Parameter(0.01 * torch.randn(count, WIDTH))
    optimizer = torch.optim.SGD([weight], lr=0.01, momentum=0.9, fused=True)
    sampled = int(options.sample_classes * count)

    def step():
        embeddings = torch.randn(local, WIDTH, requires_grad=True)
        own = torch.randint(options.classes, (local,))
        start = time.perf_counter()
        faces = Gather.apply(embeddings)
        parts = [torch.empty_like(own) for _ in range(ranks)]
        dist.all_gather(parts, own)
        labels = torch.cat(parts) - first
        labels[(labels < 0) | (labels >= count)] = -1
        used = weight
        if options.sample_classes < 1:
            positive = labels[labels >= 0].unique()
            chance = torch.rand(count)
            chance[positive] = 2
            index = chance.topk(max(sampled, len(positive))).indices.sort().values
            labels[labels >= 0] = torch.searchsorted(index, labels[labels >= 0])
            used = weight[index]
        cosine = functional.linear(functional.normalize(faces), functional.normalize(used))
        cosine = cosine.clamp(-1, 1)
        here = torch.where(labels >= 0)[0]
        with torch.no_grad():
            target = cosine[here, labels[here]].arccos().add_(0.5).cos_()
            cosine[here, labels[here]] = target
        loss = Softmax.apply(64 * cosine, labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seconds = time.perf_counter() - start
        if not math.isfinite(loss.item()):
            raise RuntimeError(f"loss {loss.item()}")
        return seconds

    return step


def torch_rank(options):
    """One rank: prints, on the first one, the seconds of each step and the memory of all."""
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    rank, ranks = dist.get_rank(), dist.get_world_size()
    torch.set_num_threads(1)
    torch.manual_seed(rank)
    cores = [int(core) for core in options.cores.split(",")]
    make = published_step if options.arcface_torch else lean_step
    step = make(options, options.batch // ranks)
    step()
    os.sched_setaffinity(0, {cores[rank % len(cores)]})
    seconds = []
    for _ in range(options.steps):
        dist.barrier()
        seconds.append(step())
    memory = torch.tensor([float(peak_memory())], dtype=torch.float64)
    dist.all_reduce(memory)
    if rank == 0:
        print(json.dumps({"seconds": seconds, "memory": memory.item()}), flush=True)
    dist.destroy_process_group()


def run(command, environment):
    result = subprocess.run(
        list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment,
    )
    if result.returncode:
        text = (result.stdout + result.stderr)[-2000:]
        raise RuntimeError(f"{' '.join(map(str, command))}\n{text}")
    return result.stdout


def theirs(options, classes, share, environment, folder):
    command = [
        sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone",
        "--nproc-per-node", 2, __file__, "--classes", classes, "--sample-classes", share,
        "--batch", options.batch, "--steps", options.steps, "--cores", options.cores,
    ]
    if folder:
        command += ["--arcface-torch", folder]
    return json.loads(run(command, environment).strip().splitlines()[-1])


def ours(options, classes, share, environment):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        command = [
            "taskset", "-c", options.cores, "mpirun", "-np", 2, options.bench, "head",
            "--classes", classes, "--sample-classes", share, "--batch", options.batch,
            "--steps", options.steps, "--json", path,
        ]
        run(command, environment)
        row = json.loads(pathlib.Path(path).read_text())["rows"][0]
    return {
        "seconds": row["bestSeconds"], "memory": row["figures"]["peak_memory_bytes"],
        "peak": row["figures"]["peak_share"],
    }


def compare(options):
    environment = {**os.environ, "OMPI_MCA_hwloc_base_binding_policy": "core", "OMP_NUM_THREADS": "1"}
    peers = {"PyTorch, lean": None}
    if options.arcface_torch:
        peers = {"PartialFC_V2": options.arcface_torch, **peers}
    print(f"| classes | in a step | ddp-bench head | of the peak | memory | {' | '.join(peers)} |")
    print("|---" * (5 + len(peers)) + "|")
    rows = []
    for classes in options.classes_list:
        for share in options.shares:
            own, others = [], {name: [] for name in peers}
            for number in range(options.rounds):
                for name, folder in peers.items():
                    others[name].append(theirs(options, classes, share, environment, folder))
                own.append(ours(options, classes, share, environment))
                said = ", ".join(
                    f"{name} {min(results[-1]['seconds']):.3f} s" for name, results in others.items())
                print(
                    f"  round {number + 1}: {said}, ddp-bench {own[-1]['seconds']:.3f} s",
                    file=sys.stderr, flush=True)

            def cell(results):
                ratio = statistics.median(
                    min(b["seconds"]) / a["seconds"] for a, b in zip(own, results))
                seconds = min(min(result["seconds"]) for result in results)
                memory = max(result["memory"] for result in results) / 1e9
                return f"{seconds:.3f} s, {memory:.2f} GB: {ratio:.2f} times"

            print(
                f"| {classes:,} | {share} | {min(r['seconds'] for r in own):.3f} s | "
                f"{100 * max(r['peak'] for r in own):.0f} % | "
                f"{max(r['memory'] for r in own) / 1e9:.2f} GB | "
                f"{' | '.join(cell(results) for results in others.values())} |", flush=True)
            rows.append({"classes": classes, "share": share, "ours": own, "theirs": others})
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cores", default="0,1")
    parser.add_argument("--batch", type=int, default=256, help="faces of a step, over both ranks")
    parser.add_argument("--steps", type=int, default=3, help="of each round")
    parser.add_argument("--arcface-torch", help="insightface's folder recognition/arcface_torch")
    if "RANK" in os.environ:
        parser.add_argument("--classes", type=int, required=True)
        parser.add_argument("--sample-classes", type=float, default=1)
        torch_rank(parser.parse_args())
        return
    parser.add_argument("--bench", default=ROOT / ".build/release/ddp-bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="few classes: does all of it work?")
    parser.add_argument("--json", help="keep all figures in this file")
    options = parser.parse_args()
    options.classes_list = [2_000] if options.quick else [100_000, 1_000_000]
    options.shares = [1, 0.1]
    if options.quick:
        options.rounds, options.batch = 1, 32
    compare(options)


if __name__ == "__main__":
    main()
