package durable

import "maps"

// platter is a disk of which a loss of power leaves what was synced: of a file its
// text, of a folder its names. Names that were not synced may be there all the same,
// each of them or not.
type platter struct {
	now    map[string]*body // by name, as processes see it
	synced map[string]*body
	since  []renaming // since the last sync of the folder
}

// body is a file without its name.
type body struct{ text, synced string }

// renaming is what one call does to names; nil for one that has gone.
type renaming map[string]*body

func newPlatter(path, text string) *platter {
	names := map[string]*body{}
	if text != none {
		names[path] = &body{text, text}
	}
	return &platter{now: names, synced: maps.Clone(names)}
}

// do does a call, as before has it.
func (p *platter) do(call [3]string) {
	path, from := call[1], call[2]
	switch file := p.now[path]; call[0] {
	case "create":
		p.name(renaming{path: {}})
	case "write":
		file.text = "fresh"
	case "sync":
		if file != nil {
			file.synced = file.text
			return
		}
		p.synced, p.since = maps.Clone(p.now), nil
	case "link":
		if old := p.now[from]; old != nil {
			p.name(renaming{path: old})
		}
	case "rename":
		if p.now[from] != p.now[path] { // two names of one file: nothing (rename(2))
			p.name(renaming{path: p.now[from], from: nil})
		}
	case "remove":
		if file != nil {
			p.name(renaming{path: nil})
		}
	}
}

func (p *platter) name(r renaming) {
	apply(p.now, r)
	p.since = append(p.since, r)
}

func apply(names map[string]*body, r renaming) {
	for name, file := range r {
		if file == nil {
			delete(names, name)
		} else {
			names[name] = file
		}
	}
}

// left returns what a loss of power may leave of a file.
func (p *platter) left(path string) (texts []string) {
	for chosen := range 1 << len(p.since) {
		names := maps.Clone(p.synced)
		for i, r := range p.since {
			if chosen>>i&1 == 1 {
				apply(names, r)
			}
		}
		text := none
		if file := names[path]; file != nil {
			text = file.synced
		}
		texts = append(texts, text)
	}
	return texts
}
