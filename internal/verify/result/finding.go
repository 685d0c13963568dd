package result

// Finding is the outcome of one check that is not a scan: whether a client
// reaches a service.
type Finding struct {
	Asked   bool     // false where the profile gives no reason to ask
	Seen    []string // what went as the profile promises
	Against []string // what did not
}

// Note notes one answer: why it is not as promised, or else what was seen.
func (f *Finding) Note(seen string, err error) {
	f.Asked = true
	if err != nil {
		f.Against = append(f.Against, seen+": "+err.Error())
		return
	}
	f.Seen = append(f.Seen, seen)
}

// Checks are the findings, which the judge needs and the report does not show.
type Checks struct {
	Forged    Finding // sources in whose name probes were forged
	Known     Finding // such sources that had connected before
	Filled    Finding // such sources after one network has proved all that it may
	Blocked   Finding // sources in [access] block
	Admins    Finding // admin sources at admin services
	Members   Finding // sources in `from` at their services
	Clients   Finding // unlisted sources at public services
	Opened    Finding // connections that are older than the rules
	Retries   Finding // a client that tries closed ports again
	Unserved  Finding // public ports without a program
	Forwarded Finding // packets that the kernel does not send on
}
