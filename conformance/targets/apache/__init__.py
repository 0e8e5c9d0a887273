"""Apache RocketMQ from Maven artefacts."""
