package bans

func ones(is bool) int {
	if is {
		return 1
	}
	return 0
}
