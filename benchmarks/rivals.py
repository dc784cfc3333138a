"""What the service is held against: a server that answers a constant, and the usual way.

    uvicorn benchmarks.rivals:floor          the least a request costs with this server
    uvicorn benchmarks.rivals:usual          FastAPI, pydantic and scikit-learn from joblib

The usual way answers from the same features and from trees of the same number and size. It is
spared what would cost it more: one fitted gradient boosting stands for all members, so that its
trees stay in the processor's cache; it runs in the event loop, not in a thread pool; OpenMP has
one thread; it checks nothing but that numbers are numbers.
"""

import os
from pathlib import Path
from typing import Any

N_BOOSTINGS = 6
MODEL_VARIABLE = "SEPSIS_BENCHMARK_MODEL"
CONSTANT = b'{"prediction":"Negative","probability":0.0123456,"threshold":0.05,"icu_hour":12}'


async def floor(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, answer a constant."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(CONSTANT)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": CONSTANT})


def fit_usual(path: Path) -> None:
    """Fit a boosting of a hundred trees to made-up hours, and keep it."""
    import joblib
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier

    from sepsis_detect.prediction import features

    random = np.random.default_rng(0)
    X = random.normal(size=(3_000, len(features.NAMES)))
    y = X[:, :20].sum(axis=1) + random.normal(size=len(X)) > 0
    X[random.random(X.shape) < 0.3] = np.nan
    boosting = HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=16, max_depth=6)
    joblib.dump(boosting.fit(X, y), path)


def usual() -> Any:
    """Build the usual application."""
    import joblib
    import numpy as np
    from fastapi import FastAPI
    from pydantic import BaseModel, create_model

    from sepsis_detect.clinical.stay import Stay
    from sepsis_detect.clinical.variables import VARIABLES
    from sepsis_detect.prediction import features

    boosting = joblib.load(os.environ[MODEL_VARIABLE])
    fields: dict[str, Any] = {v.challenge: (float | None, None) for v in VARIABLES}
    Hour: Any = create_model("Hour", **fields)  # noqa: N806

    class Answer(BaseModel):
        prediction: str
        probability: float

    app = FastAPI()

    @app.post("/predict/patient")
    async def predict(hour: Hour) -> Answer:
        sent = [getattr(hour, v.challenge) for v in VARIABLES]
        X = features.compute(Stay(np.array([sent], dtype=np.float64)))
        found = [boosting.predict_proba(X)[0, 1] for _ in range(N_BOOSTINGS)]
        probability = float(np.mean(found))
        return Answer(
            prediction="Positive" if probability > 0.05 else "Negative", probability=probability
        )

    return app
