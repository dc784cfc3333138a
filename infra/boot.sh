#!/bin/bash
# User data of an instance: starts the service's container at first boot. Its output is in the
# instance's console output and in /var/log/cloud-init-output.log. When it fails, the health check
# fails: the instance refresh rolls back, and the group replaces the instance.
set -euo pipefail
export HOME=/root # not set by cloud-init; the credential helper is configured there
image=@IMAGE@
audit_secret=@AUDIT_SECRET@ # empty: no audit log
trap 'echo "sepsis-detect: boot failed in line $LINENO" >&2' ERR

retry() { # the network and S3 may not be ready yet
    for wait in 2 4 8 16; do
        "$@" && return
        echo "sepsis-detect: failed, $wait s until the next try: $*" >&2
        sleep "$wait"
    done
    "$@"
}

systemctl mask --now --no-block ecs.service # the machine image would start its ECS agent
retry dnf install --quiet --assumeyes amazon-ecr-credential-helper amazon-ssm-agent
systemctl enable --now amazon-ssm-agent
install -d -m 0700 "$HOME/.docker"
echo '{"credHelpers": {"@REGISTRY@": "ecr-login"}}' >"$HOME/.docker/config.json"
install -d -m 0700 -o 10001 -g 10001 /var/lib/sepsis-detect # cache of the last accepted model

retry docker pull --quiet "$image"
image="$(docker image inspect --format '{{index .RepoDigests 0}}' "$image")" # by digest from here on

secret() { # with the image's Python: the machine has no AWS CLI
    docker run --rm --network host --read-only --cap-drop ALL --env AWS_DEFAULT_REGION=@REGION@ "$image" \
        python -c 'import sys, botocore.session as session
client = session.get_session().create_client("secretsmanager")
print(client.get_secret_value(SecretId=sys.argv[1])["SecretString"])' "$1"
}
audit=()
if [ -n "$audit_secret" ]; then
    SEPSIS_AUDIT_KEY="$(retry secret "$audit_secret")"
    export SEPSIS_AUDIT_KEY # passed by name, so that it is in no command line
    audit=(--env SEPSIS_AUDIT_KEY)
fi

docker run --detach --name sepsis-detect --restart always --stop-timeout 75 --network host \
    --read-only --cap-drop ALL --security-opt no-new-privileges --pids-limit 512 \
    --volume /var/lib/sepsis-detect:/var/lib/sepsis-detect \
    --log-driver awslogs --log-opt awslogs-region=@REGION@ --log-opt awslogs-group=@LOG_GROUP@ \
    --log-opt awslogs-stream="$(cat /var/lib/cloud/data/instance-id)" \
    --log-opt awslogs-format=json/emf --log-opt mode=non-blocking --log-opt max-buffer-size=8m \
    @ENVIRONMENT@ "${audit[@]}" "$image"

for _ in {1..60}; do
    if curl --silent --fail --max-time 5 --output /dev/null http://127.0.0.1:8080/health; then
        echo "sepsis-detect: healthy, $image"
        exit 0
    fi
    sleep 2
done
docker logs --tail 200 sepsis-detect >&2 || true
echo "sepsis-detect: not healthy after two minutes, $image" >&2
exit 1
