"""A divided loss head in PyTorch over gloo, in turns with `ddp-bench head`; see ../compare-partial-fc.

Started by torch.distributed.run it is one rank of PyTorch's side, which states again what insightface's
PartialFC_V2 does (arXiv 2203.15565 and its order of operations): embeddings are gathered, each rank has the
logits of its classes whole, three all-reduces of a number a face make the softmax, the gradients of the
embeddings are reduced to their owners; sampled classes are the batch's and random others, as many on each
rank; SGD with momentum moves all rows. Otherwise it runs both sides and prints a table.
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


def torch_rank(options):
    """One rank: prints, on the first one, the seconds of each step and the memory of all."""
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

    rank, ranks = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    dist.init_process_group("gloo")
    torch.set_num_threads(1)
    cores = [int(core) for core in options.cores.split(",")]
    torch.manual_seed(rank)
    # The first ranks have one class more where they do not divide.
    count = options.classes // ranks + (rank < options.classes % ranks)
    first = options.classes // ranks * rank + min(rank, options.classes % ranks)
    weight = torch.nn.Parameter(0.01 * torch.randn(count, WIDTH))
    optimizer = torch.optim.SGD([weight], lr=0.01, momentum=0.9, fused=True)
    local = options.batch // ranks
    sampled = int(options.sample_classes * count)

    def step(number):
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

    step(0)
    os.sched_setaffinity(0, {cores[rank % len(cores)]})
    seconds = []
    for number in range(options.steps):
        dist.barrier()
        seconds.append(step(number + 1))
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


def theirs(options, classes, share, environment):
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2, __file__,
        "--classes", classes, "--sample-classes", share, "--batch", options.batch,
        "--steps", options.steps, "--cores", options.cores,
    ]
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
    print("| classes | in a step | ddp-bench head | PyTorch | times | of the peak | memory |")
    print("|---|---|---|---|---|---|---|")
    rows = []
    for classes in options.classes_list:
        for share in options.shares:
            own, other = [], []
            for number in range(options.rounds):
                other.append(theirs(options, classes, share, environment))
                own.append(ours(options, classes, share, environment))
                print(
                    f"  round {number + 1}: PyTorch {min(other[-1]['seconds']):.3f} s, "
                    f"ddp-bench {own[-1]['seconds']:.3f} s", file=sys.stderr, flush=True)
            their = min(min(result["seconds"]) for result in other)
            our = min(result["seconds"] for result in own)
            ratio = statistics.median(
                min(b["seconds"]) / a["seconds"] for a, b in zip(own, other))
            print(
                f"| {classes:,} | {share} | {our:.3f} s | {their:.3f} s | {ratio:.2f} | "
                f"{100 * max(result['peak'] for result in own):.0f} % | "
                f"{max(r['memory'] for r in own) / 1e9:.2f} against "
                f"{max(r['memory'] for r in other) / 1e9:.2f} GB |", flush=True)
            rows.append({"classes": classes, "share": share, "ours": own, "theirs": other})
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cores", default="0,1")
    parser.add_argument("--batch", type=int, default=256, help="faces of a step, over both ranks")
    parser.add_argument("--steps", type=int, default=3, help="of each round")
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
