package bootfiles

import (
	"bytes"
	"errors"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/durable"
	"github.com/hardenctl/hardenctl/internal/host/trial"
)

// EndTrial takes a trial out of the files that this host boots from, in the
// middle of which somebody has saved the firewall into them (netfilter-persistent
// save, iptables-save >rules.v4), and returns those that it has changed. Every
// other line stays, byte for byte. One that cannot be read or replaced does not
// keep the others from it. The caller holds the lock.
func EndTrial() (changed []string, err error) {
	paths := bundle.Paths(DetectLayout())
	for _, name := range []string{bundle.Sets, bundle.RulesV4, bundle.RulesV6} {
		path := paths[name]
		have, unread := durable.Read(path)
		if unread != nil {
			err = errors.Join(err, unread)
			continue
		}
		ended := endTrial(name, have)
		if bytes.Equal(have, ended) {
			continue
		}
		if failed := Replace(path, ended); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		changed = append(changed, path)
	}
	return changed, err
}

// endTrial returns the text of a file without a trial.
func endTrial(name string, text []byte) []byte {
	switch name {
	case bundle.RulesV4:
		return trial.EndRules(ruleset.V4, text)
	case bundle.RulesV6:
		return trial.EndRules(ruleset.V6, text)
	}
	return trial.EndSets(text)
}
