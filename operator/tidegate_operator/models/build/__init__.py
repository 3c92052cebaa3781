"""From a request to manifests, one kind per module: the cache's claim, the Jobs of loaders, what guards their Pods."""
