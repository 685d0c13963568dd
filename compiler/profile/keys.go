package profile

import (
	"slices"

	"github.com/BurntSushi/toml"
)

// keys are the paths of the statements that are left, as the library lists
// them in MetaData.Keys. Equal lists prove that scanner and library saw the
// same file, and so that no value is shown at another's place.
func (p *parser) keys() []toml.Key {
	var keys []toml.Key
	var table toml.Key
	for i, st := range p.statements {
		switch {
		case p.broken[i]:
		case st.shape == keyValue:
			keys = appendKeys(keys, table, st.key, st.value)
		default:
			table = extend(nil, st.key)
			keys = append(keys, table)
		}
	}
	return keys
}

func appendKeys(keys []toml.Key, table toml.Key, key []part, v value) []toml.Key {
	path := extend(table, key)
	return appendInner(append(keys, path), path, v)
}

// appendInner appends the keys of the inline tables in a value.
func appendInner(keys []toml.Key, path toml.Key, v value) []toml.Key {
	for _, element := range v.elements {
		keys = appendInner(keys, path, element)
	}
	for _, pair := range v.pairs {
		keys = appendKeys(keys, path, pair.key, pair.value)
	}
	return keys
}

func extend(table toml.Key, key []part) toml.Key {
	path := slices.Clone(table)
	for _, p := range key {
		path = append(path, p.name)
	}
	return path
}
