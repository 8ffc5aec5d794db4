"""A denoising step in eager PyTorch, on the reference's architectures and under its parameter names.

Reads one JSON line from standard input (TorchJob in torch.ts) and prints one JSON line for each batch size as soon as it is
measured. Networks: openai/guided-diffusion's UNetModel and EncoderUNetModel (attention pool) with residual up- and
downsampling, as the released checkpoints have them.
"""
import json
import math
import struct
import sys
import time

import torch
import torch.nn.functional as F


def load_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        count = (end - begin) // 4
        flat = torch.frombuffer(data, dtype=torch.float32, count=count, offset=begin)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


class Network:
    """What U-Net and classifier share. `w` holds the state dict, convolutions of the torso in half precision if asked."""

    def __init__(self, options, tensors, device, half):
        self.o = options
        self.torso = torch.float16 if half else torch.float32
        self.w = {}
        for name, tensor in tensors.items():
            in_torso = not name.startswith(("out.", "time_embed.", "label_emb."))
            dtype = self.torso if in_torso and tensor.ndim > 2 else torch.float32
            self.w[name] = tensor.to(device=device, dtype=dtype)

    def linear(self, name, x):
        return F.linear(x, self.w[name + ".weight"], self.w[name + ".bias"])

    def conv(self, name, x, padding=0):
        weight, bias = self.w[name + ".weight"], self.w[name + ".bias"].to(x.dtype)
        return (F.conv1d if weight.ndim == 3 else F.conv2d)(x, weight, bias, padding=padding)

    def norm(self, name, x):
        return F.group_norm(x.float(), 32, self.w[name + ".weight"], self.w[name + ".bias"], 1e-5).to(x.dtype)

    def embed(self, timestep):
        half = self.o["model_channels"] // 2
        frequencies = torch.exp(-math.log(10000) * torch.arange(half, device=timestep.device) / half)
        angles = timestep[:, None] * frequencies[None]
        waves = torch.cat([angles.cos(), angles.sin()], dim=1)
        return self.linear("time_embed.2", F.silu(self.linear("time_embed.0", waves)))

    def heads(self, channels):
        return channels // self.o["num_head_channels"] if "num_head_channels" in self.o else self.o.get("num_heads", 1)

    def residual(self, name, x, embedding, resample=None):
        h = F.silu(self.norm(f"{name}.in_layers.0", x))
        if resample == "up":
            h, x = (F.interpolate(part, scale_factor=2, mode="nearest") for part in (h, x))
        elif resample == "down":
            h, x = F.avg_pool2d(h, 2), F.avg_pool2d(x, 2)
        h = self.conv(f"{name}.in_layers.2", h, 1)
        condition = self.linear(f"{name}.emb_layers.1", F.silu(embedding)).to(h.dtype)[..., None, None]
        if self.o.get("use_scale_shift_norm"):
            scale, shift = condition.chunk(2, dim=1)
            h = self.norm(f"{name}.out_layers.0", h) * (1 + scale) + shift
        else:
            h = self.norm(f"{name}.out_layers.0", h + condition)
        h = self.conv(f"{name}.out_layers.3", F.silu(h), 1)
        return (self.conv(f"{name}.skip_connection", x) if f"{name}.skip_connection.weight" in self.w else x) + h

    def attend(self, qkv, channels, new_order):
        n, _, tokens = qkv.shape
        heads = self.heads(channels)
        if new_order:
            q, k, v = (part.reshape(n * heads, -1, tokens) for part in qkv.chunk(3, dim=1))
        else:
            q, k, v = qkv.reshape(n * heads, -1, tokens).chunk(3, dim=1)
        if hasattr(F, "scaled_dot_product_attention"):
            q, k, v = (part.transpose(1, 2) for part in (q, k, v))
            mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        else:
            weight = torch.softmax((q.transpose(1, 2) @ k).float() / math.sqrt(q.shape[1]), dim=-1).to(q.dtype)
            mixed = v @ weight.transpose(1, 2)
        return mixed.reshape(n, channels, tokens)

    def attention(self, name, x):
        flat = x.flatten(2)
        qkv = self.conv(f"{name}.qkv", self.norm(f"{name}.norm", flat))
        mixed = self.attend(qkv, x.shape[1], self.o.get("use_new_attention_order", False))
        return (flat + self.conv(f"{name}.proj_out", mixed)).reshape(x.shape)

    def down(self, x, embedding):
        o, factor, index = self.o, 1, 1
        h = self.conv("input_blocks.0.0", x.to(self.torso), 1)
        skips = [h]
        for level in range(len(o["channel_mult"])):
            for _ in range(o["num_res_blocks"]):
                h = self.residual(f"input_blocks.{index}.0", h, embedding)
                if factor in o["attention_resolutions"]:
                    h = self.attention(f"input_blocks.{index}.1", h)
                skips.append(h)
                index += 1
            if level < len(o["channel_mult"]) - 1:
                h = self.residual(f"input_blocks.{index}.0", h, embedding, "down")
                skips.append(h)
                index += 1
                factor *= 2
        h = self.attention("middle_block.1", self.residual("middle_block.0", h, embedding))
        return self.residual("middle_block.2", h, embedding), skips, factor


class UNet(Network):
    def __call__(self, x, timestep, label=None):
        o = self.o
        embedding = self.embed(timestep)
        if label is not None:
            embedding = embedding + F.embedding(label, self.w["label_emb.weight"])
        h, skips, factor = self.down(x, embedding)
        index = 0
        for level in reversed(range(len(o["channel_mult"]))):
            for count in range(o["num_res_blocks"] + 1):
                name = f"output_blocks.{index}"
                h = self.residual(f"{name}.0", torch.cat([h, skips.pop()], dim=1), embedding)
                layer = 1
                if factor in o["attention_resolutions"]:
                    h = self.attention(f"{name}.1", h)
                    layer = 2
                if level > 0 and count == o["num_res_blocks"]:
                    h = self.residual(f"{name}.{layer}", h, embedding, "up")
                    factor //= 2
                index += 1
        return self.conv("out.2", F.silu(self.norm("out.0", h.float())), 1)


class Classifier(Network):
    def __call__(self, x, timestep):
        h, _, _ = self.down(x, self.embed(timestep))
        h = F.silu(self.norm("out.0", h.float())).flatten(2)
        tokens = torch.cat([h.mean(dim=2, keepdim=True), h], dim=2) + self.w["out.2.positional_embedding"]
        mixed = self.attend(self.conv("out.2.qkv_proj", tokens), h.shape[1], True)
        return self.conv("out.2.c_proj", mixed)[:, :, 0]


def gradient(classifier, x, timestep, target):
    x = x.detach().requires_grad_(True)
    log_probs = torch.log_softmax(classifier(x, timestep), dim=-1)
    return torch.autograd.grad((log_probs * target).sum(), x)[0]


def inputs_of(job, batch, device):
    """The same as in inputs.ts."""
    size = job["image_size"]
    count = batch * job["channels"] * size * size
    x = torch.sin(torch.arange(count, dtype=torch.float64) * 0.7).float()
    return {
        "x": x.reshape(batch, job["channels"], size, size).to(device),
        "timestep": torch.tensor([float(10 + 30 * (i % 30)) for i in range(batch)], device=device),
        "label": torch.tensor([i % job["classes"] for i in range(batch)], device=device) if job["conditional"] else None,
        "target": F.one_hot(torch.tensor([i % job["classes"] for i in range(batch)]), job["classes"]).float().to(device),
    }


def main():
    job = json.loads(sys.stdin.readline())
    device = torch.device("cuda" if torch.cuda.is_available() and not job["cpu"] else "cpu")
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(0)
    half = job["dtype"] == "fp16"

    def network(kind, part):
        return kind(part["options"], load_safetensors(part["weights"]), device, half)

    unet = network(UNet, job["unet"])
    classifier = network(Classifier, job["classifier"])
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    print(json.dumps({"torch": torch.__version__, "device": name}), flush=True)

    def step(values):
        with torch.no_grad():
            output = unet(values["x"], values["timestep"], values["label"])
        return output, gradient(classifier, values["x"], values["timestep"], values["target"])

    def wait():
        if device.type == "cuda":
            torch.cuda.synchronize()

    for batch in job["batches"]:
        try:
            values = inputs_of(job, batch, device)
            output, grad = step(values)
            wait()
            if job["answers"]:
                answers = {"output": output.flatten().tolist(), "gradient": grad.flatten().tolist()}
                print(json.dumps({"batch": batch, "answers": answers}), flush=True)
                continue
            step(values)
            wait()
            times, begin = [], time.perf_counter()
            while len(times) < job["repeats"] and (len(times) < 3 or time.perf_counter() - begin < job["seconds"]):
                start = time.perf_counter()
                step(values)
                wait()
                times.append(1000 * (time.perf_counter() - start))
            print(json.dumps({"batch": batch, "times": times}), flush=True)
        except RuntimeError as error:
            print(json.dumps({"batch": batch, "error": str(error).splitlines()[0]}), flush=True)
            break


if __name__ == "__main__":
    main()
