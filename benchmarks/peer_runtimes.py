"""The same weights in the runtimes that somebody would take instead of PyTorch, float32 and int8.

Text models are quantized dynamically in ONNX Runtime, as its documentation advises, images
statically; NNCF always calibrates. All get the same calibration inputs and number of threads.
"""

import logging
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from efficiency.core.errors import Unavailable
from efficiency.core.quiet import quiet
from efficiency.routines.quantization.compiled import Logits
from efficiency.workloads.catalogue import Workload

Call = Callable[[Tensor], Tensor]
ORT_FP32 = "ONNX Runtime fp32"
ORT_INT8 = "ONNX Runtime int8"


class Peers:
    """Callables by name for one model; what cannot be made raises Unavailable with the reason.

    calibration: batches of the size that is measured.
    """

    def __init__(
        self,
        model: nn.Module,
        workload: Workload,
        calibration: tuple[Tensor, ...],
        threads: int,
        folder: Path,
    ) -> None:
        self.model = Logits(model).eval()
        self.workload, self.calibration = workload, calibration
        self.threads, self.folder = threads, folder

    def makers(self) -> dict[str, Callable[[], Call]]:
        """What there is, in the order of the table."""
        return {
            ORT_FP32: self.onnxruntime_fp32,
            ORT_INT8: self.onnxruntime_int8,
            "OpenVINO fp32": self.openvino_fp32,
            "OpenVINO int8 (NNCF)": self.openvino_int8,
        }

    @cached_property
    def onnx_file(self) -> Path:
        """The float model as ONNX."""
        path = self.folder / "model.onnx"
        with quiet(), torch.no_grad():
            torch.onnx.export(
                self.model,
                (self.calibration[0],),
                path,
                dynamo=True,
                opset_version=18,
                verbose=False,
            )
        return path

    def onnxruntime_fp32(self) -> Call:
        """All of ONNX Runtime's graph optimizations."""
        return self._session(self.onnx_file)

    def onnxruntime_int8(self) -> Call:
        """Its own quantizer: dynamic for text; QDQ, per channel, unsigned activations otherwise."""
        from onnxruntime import quantization as q
        from onnxruntime.quantization.shape_inference import quant_pre_process

        prepared, quantized = self.folder / "prepared.onnx", self.folder / "int8.onnx"
        with quiet():
            if self.workload.vocabulary is not None:
                q.quantize_dynamic(self._fused(), quantized)
                return self._session(quantized)
            quant_pre_process(self.onnx_file, prepared)
            name = self._input_name(prepared)
            inputs = iter([{name: each.numpy()} for each in self.calibration])

            class Reader(q.CalibrationDataReader):  # type: ignore[misc]
                def get_next(self) -> dict[str, Any] | None:
                    return next(inputs, None)

            q.quantize_static(
                prepared,
                quantized,
                Reader(),
                quant_format=q.QuantFormat.QDQ,
                per_channel=True,
                activation_type=q.QuantType.QUInt8,
                weight_type=q.QuantType.QInt8,
            )
        return self._session(quantized)

    def openvino_fp32(self) -> Call:
        """Arithmetic in float32; left to itself it takes bfloat16 where the CPU has it."""
        return self._compiled(self._converted())

    def openvino_int8(self) -> Call:
        """NNCF's post-training quantization with its defaults for the kind of model."""
        import nncf

        nncf.set_log_level(logging.ERROR)
        transformer = nncf.ModelType.TRANSFORMER if self.workload.name == "bert" else None
        with quiet():
            quantized = nncf.quantize(
                self._converted(),
                nncf.Dataset([each.numpy() for each in self.calibration]),
                subset_size=len(self.calibration),
                model_type=transformer,
            )
        return self._compiled(quantized)

    def _fused(self) -> Path:
        """BERT with attention, GELU and normalizations fused by ONNX Runtime's own tool."""
        if self.workload.name != "bert":
            return self.onnx_file
        from onnxruntime.transformers import optimizer

        path = self.folder / "fused.onnx"
        found = optimizer.optimize_model(str(self.onnx_file), "bert", num_heads=12, hidden_size=768)
        found.save_model_to_file(str(path))
        return path

    def _session(self, path: Path) -> Call:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return lambda x: torch.from_numpy(session.run(None, {name: x.numpy()})[0])

    def _input_name(self, path: Path) -> str:
        import onnx

        return str(onnx.load(path, load_external_data=False).graph.input[0].name)

    def _converted(self) -> Any:
        import openvino

        with quiet(), torch.no_grad():
            return openvino.convert_model(
                self.model, example_input=self.calibration[0], input=[self.calibration[0].shape]
            )

    def _compiled(self, model: Any) -> Call:
        import openvino

        settings = {
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "f32",
        }
        compiled = openvino.Core().compile_model(model, "CPU", settings)
        request = compiled.create_infer_request()

        def call(x: Tensor) -> Tensor:
            return torch.from_numpy(np.asarray(request.infer([x.numpy()])[0]))

        return call


def made(maker: Callable[[], Call]) -> Call:
    """What the maker makes. Raises Unavailable for anything that its libraries raise."""
    try:
        return maker()
    except Unavailable:
        raise
    except ModuleNotFoundError as error:
        raise Unavailable(f"{error.name} is not installed") from error
    except Exception as error:  # whatever other people's converters raise
        first = str(error).strip().partition("\n")[0]
        raise Unavailable(f"{type(error).__name__}: {first}") from error
