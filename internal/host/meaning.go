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

// addMeaning puts it into the plan, with the programs that lose clients by it. A host whose
// sockets cannot be read has none of these.
func (r *Reading) addMeaning() {
	if r.meaning == nil {
		return
	}
	m := <-r.meaning
	if m.Closes() {
		listeners, _ := r.host.system.Listeners(m.ClosesTo)
		m.AddListeners(listeners)
	}
	r.Plan.Meaning = m
}
