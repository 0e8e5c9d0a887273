"""One module per Java `NettyRequestProcessor`: functions `name(ctx, request) -> answer or None`."""
