PLAN: list[str] = []
