"""The peer of bench/spine.py: FastAPI on uvicorn, which hands one row to ONNX Runtime and answers in the same form.

    peer_fastapi.py MODEL PORT

It keeps no log of its answers, gives no ids and checks nothing but the shape.
"""

import sys

import fastapi
import numpy
import onnxruntime
import uvicorn


def make_app(model: str) -> fastapi.FastAPI:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    output = session.get_outputs()[0].name
    app = fastapi.FastAPI()

    @app.post("/v2/models/{name}/infer")
    def infer(name: str, body: dict = fastapi.Body()):
        tensor = body["inputs"][0]
        rows = numpy.array(tensor["data"], dtype=numpy.float32).reshape(tensor["shape"])
        scores = session.run([output], {tensor["name"]: rows})[0]
        return {"model_name": name, "model_version": "1",
                "outputs": [{"name": output, "datatype": "FP32", "shape": list(scores.shape),
                             "data": scores.ravel().tolist()}]}

    return app


if __name__ == "__main__":
    uvicorn.run(make_app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="error", access_log=False)
