"""Who goes first: classes, queues, credits. Pure: time is an argument, workers are told of nothing from here."""
