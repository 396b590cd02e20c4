"""PyTorch's half of scripts/compare-pytorch: one process, driven by lines on standard input.

  torch_side.py train --model iresnet18 --batch 64 --threads 1 --cores 0
  torch_side.py embed --model iresnet18 --batch 32 --threads 1 --cores 0
  torchrun --nproc-per-node 2 torch_side.py ddp --model iresnet18 --batch 64 --cores 0,1
  torch_side.py follow --folder DIR --model iresnet18 --steps 50

`train` and `embed` answer with one line of JSON each:

  trial        compiles and times every variant once: {variant: {"seconds": s} or {"error": text}}
  keep NAME    drops the other variants
  run N        times N steps or passes of the kept variant: [seconds]
  memory       the most memory that was resident at once, in bytes

`follow` writes weights, images and labels for `ddp-bench follow`, makes the same steps, answers
"ready", and after a line `compare` with the differences (see follow.py).
"""

import argparse
import gc
import json
import math
import os
import pathlib
import sys
import tempfile
import time

import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "golden"))
import networks  # noqa: E402

# Of `--precision bf16`: what a user adds, autocast over weights in floats; for inference also weights in bfloat16.
FORMATS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}
SMALL_BATCH = 16


def network(model, width, image_size):
    """The network with an embedding of 512, its activations in place as torchvision has them."""
    networks.EMBEDDING = 512
    torch.relu = torch.relu_
    result = networks.build({"model": model, "width": width, "imageSize": image_size}).float()
    for module in result.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = True
    return result


class Training(nn.Module):
    """Network and ArcFace head (scale 64, margin 0.5, exact gradient): images, labels to loss."""

    def __init__(self, backbone, classes):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Parameter(0.01 * torch.randn(classes, 512))

    def forward(self, images, labels):
        embedding = functional.normalize(self.backbone(images))
        cosine = functional.linear(embedding, functional.normalize(self.head)).clamp(-1, 1)
        target = cosine.gather(1, labels[:, None])
        sine = (1 - target * target).clamp_min(1e-12).sqrt()
        moved = target * math.cos(0.5) - sine * math.sin(0.5)
        return functional.cross_entropy(64 * cosine.scatter(1, labels[:, None], moved), labels)


def optimizer(module):
    trained = [p for p in module.parameters() if p.requires_grad]
    return torch.optim.SGD(trained, lr=0.01, momentum=0.9, fused=True)


def autocast(is_on):
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_on)


def peak_memory():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


class TrainVariant:
    def __init__(self, options, name):
        torch.manual_seed(1)
        mode, layout = name.split()
        self.images = torch.rand(options.batch, 3, options.image_size, options.image_size) * 2 - 1
        self.images = self.images.contiguous(memory_format=FORMATS[layout])
        self.labels = torch.arange(options.batch) * 7919 % options.classes
        module = Training(
            network(options.model, options.width, options.image_size), options.classes
        ).to(memory_format=FORMATS[layout])
        self.optimizer = optimizer(module)
        if options.ddp:
            module = nn.parallel.DistributedDataParallel(module)
        self.is_compiled = mode == "compile"
        self.is_bf16 = options.precision == "bf16"
        self.module = torch.compile(module, dynamic=False) if self.is_compiled else module

    def run(self, count=None):
        start = time.perf_counter()
        with autocast(self.is_bf16):
            loss = self.module(self.images[:count], self.labels[:count])
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        value = loss.item()
        seconds = time.perf_counter() - start
        if not math.isfinite(value):
            raise RuntimeError(f"loss {value}")
        return seconds


class EmbedVariant:
    def __init__(self, options, name):
        torch.manual_seed(1)
        mode, layout, *weights = name.split()
        module = network(options.model, options.width, options.image_size).eval()
        self.images = torch.rand(options.batch, 3, options.image_size, options.image_size) * 2 - 1
        self.is_compiled = mode == "compile"
        self.autocasts = options.precision == "bf16" and not weights
        self.session = None
        if mode == "onnxruntime":
            self.session = onnx_session(module, self.images)
            self.images = self.images.numpy()
            return
        module = module.to(memory_format=FORMATS[layout])
        self.images = self.images.contiguous(memory_format=FORMATS[layout])
        if weights:
            module, self.images = module.bfloat16(), self.images.bfloat16()
        if self.is_compiled:
            import torch._inductor.config as config

            config.freezing = True
            module = torch.compile(module, dynamic=False)
        self.module = module

    def run(self, count=None):
        start = time.perf_counter()
        if self.session:
            self.session.run(None, {"images": self.images[:count] if count else self.images})
        else:
            with torch.inference_mode(), autocast(self.autocasts):
                self.module(self.images[:count])
        return time.perf_counter() - start


def onnx_session(module, images):
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "network.onnx")
        torch.onnx.export(
            module, (images,), path, input_names=["images"], dynamo=True, verbose=False
        )
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = torch.get_num_threads()
        settings.inter_op_num_threads = 1
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        return onnxruntime.InferenceSession(path, settings, ["CPUExecutionProvider"])


class Worker:
    def __init__(self, options):
        self.options = options
        self.make = TrainVariant if options.mode == "train" else EmbedVariant
        self.names = [f"{mode} {layout}" for mode in ("eager", "compile") for layout in FORMATS]
        if options.eager:
            self.names = self.names[:2]
        if options.mode == "embed":
            if options.precision == "bf16":
                self.names += [f"{name} weights" for name in self.names]
            else:
                self.names.append("onnxruntime NCHW")
        self.variants = {}
        self.cores = {int(core) for core in options.cores.split(",")}
        self.everywhere = os.sched_getaffinity(0)

    def pin(self, pinned):
        """Compilation may use all cores; what is timed has its own."""
        os.sched_setaffinity(0, self.cores if pinned else self.everywhere)

    def variant(self, name):
        if name not in self.variants:
            self.pin(False)
            self.variants[name] = self.make(self.options, name)
            # The graph is compiled for one batch size; the others warm up on a small one.
            whole = self.variants[name].is_compiled or self.options.mode == "embed"
            self.variants[name].run(None if whole else min(8, self.options.batch))
            self.pin(True)
        return self.variants[name]

    def trial(self):
        result = {}
        for name in self.names:
            try:
                variant = self.variant(name)
                whole = variant.is_compiled or self.options.mode == "embed"
                count = None if whole else min(SMALL_BATCH, self.options.batch)
                repeats = 5 if self.options.mode == "embed" else 1
                seconds = min(variant.run(count) for _ in range(repeats))
                result[name] = {"seconds": seconds * self.options.batch / (count or self.options.batch)}
            except Exception as error:  # A variant that does not run cannot win.
                result[name] = {"error": f"{type(error).__name__}: {error}"[:300]}
                self.variants.pop(name, None)
                gc.collect()
        return result

    def keep(self, name):
        for other in list(self.variants):
            if other != name:
                del self.variants[other]
        gc.collect()
        try:
            with open("/proc/self/clear_refs", "w") as file:
                file.write("5")  # VmHWM starts again from what is resident now.
        except OSError:
            pass
        self.kept = self.variant(name)
        return name

    def answer(self, line):
        word, _, rest = line.strip().partition(" ")
        if word == "trial":
            return self.trial()
        if word == "keep":
            return self.keep(rest)
        if word == "run":
            self.pin(True)
            return [self.kept.run() for _ in range(int(rest))]
        if word == "memory":
            return peak_memory()
        raise SystemExit(f"unknown command {line!r}")


def run_ddp(options):
    """Each process its own core; the first prints the seconds of each step."""
    rank = int(os.environ["LOCAL_RANK"])
    torch.distributed.init_process_group("gloo")
    options.ddp = True
    variant = TrainVariant(options, options.variant)
    variant.run()
    cores = [int(core) for core in options.cores.split(",")]
    os.sched_setaffinity(0, {cores[rank % len(cores)]})
    seconds = []
    for _ in range(options.steps):
        torch.distributed.barrier()
        seconds.append(variant.run())
    torch.distributed.barrier()
    if rank == 0:
        print(json.dumps(seconds), flush=True)
    torch.distributed.destroy_process_group()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["train", "embed", "ddp", "follow"])
    parser.add_argument("--model", default="iresnet18")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--width", type=float, default=1)
    parser.add_argument("--image-size", type=int, default=112)
    parser.add_argument("--classes", type=int, default=5748)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cores", default="0")
    parser.add_argument("--variant", default="eager NCHW")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--folder", help="where `follow` puts its files")
    parser.add_argument("--deviation", type=float, default=1, help="of first weights in `follow`")
    parser.add_argument("--eager", action="store_true", help="no torch.compile")
    options = parser.parse_args()
    options.ddp = False
    torch.set_num_threads(options.threads)
    if options.mode == "ddp":
        run_ddp(options)
        return
    # Whatever libraries print must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if options.mode == "follow":
        from follow import Follow

        worker = Follow(options, Training(
            network(options.model, options.width, options.image_size), options.classes
        ))
    else:
        worker = Worker(options)
    for line in sys.stdin:
        print(json.dumps(worker.answer(line)), file=answers, flush=True)


if __name__ == "__main__":
    main()
