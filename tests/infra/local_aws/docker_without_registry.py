"""`docker` for CDK where ECR keeps names only: images are built and tagged, and stay in the engine.

A push registers the image's id with the local ECR, so that CDK finds it there the next time.
"""

import json
import os
import subprocess
import sys

import boto3

MEDIA_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


def push(image: str) -> None:
    """Register an image of the engine."""
    inspect = ["docker", "image", "inspect", "--format", "{{.Id}}", image]
    image_id = subprocess.run(inspect, check=True, capture_output=True, text=True).stdout.strip()
    repository, _, tag = image.partition("/")[2].partition(":")
    manifest = {
        "schemaVersion": 2,
        "mediaType": MEDIA_TYPE,
        "config": {"mediaType": MEDIA_TYPE, "size": 1, "digest": image_id},
        "layers": [],
    }
    boto3.client("ecr").put_image(
        repositoryName=repository, imageTag=tag, imageManifest=json.dumps(manifest)
    )


def main() -> None:
    """Run one command of docker."""
    arguments = sys.argv[1:]
    if arguments[0] == "push":
        push(arguments[-1])
    elif arguments[0] != "login":
        os.execvp("docker", ["docker", *arguments])


if __name__ == "__main__":
    main()
