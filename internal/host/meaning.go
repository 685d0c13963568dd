package host

import "github.com/hardenctl/hardenctl/internal/host/meaning"

// workOutMeaning begins to work out what the plan changes for packets, beside the rehearsal
// of the files. The states are complete but for the files, which it does not look at.
func (r *Reading) workOutMeaning() {
	made := make(chan *meaning.Meaning, 1)
	have, want, manifest := r.Have, r.Want, r.Bundle.Manifest
	go func() { made <- meaning.Of(have, want, manifest) }()
	r.meaning = made
}

// addMeaning puts it into the plan, with the programs that lose clients by it and with what is
// risky.
func (r *Reading) addMeaning() {
	if r.meaning == nil {
		return
	}
	m, stakes := <-r.meaning, meaning.StakesOf(r.Have, r.Want, r.Bundle.Manifest)
	if m.Closes() {
		stakes.Listeners, stakes.Unread = r.host.system.Listeners(stakes.Concerns(m))
		m.AddListeners(stakes.Listeners)
	}
	m.Judge(stakes)
	r.Plan.AddMeaning(m)
}
