package plan

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/meaning"
)

// schema is the part of JSON Schema that schema.json uses.
type schema struct {
	Type        string            `json:"type"`
	Ref         string            `json:"$ref"`
	Description string            `json:"description"`
	Properties  map[string]schema `json:"properties"`
	Required    []string          `json:"required"`
	Items       *schema           `json:"items"`
	Enum        []any             `json:"enum"`
	Const       any               `json:"const"`
	Defs        map[string]schema `json:"$defs"`
	// Additional must be false: a reader may trust that there is nothing else.
	Additional *bool `json:"additionalProperties"`
}

func readSchema(t *testing.T) schema {
	t.Helper()
	text, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// The schema lists exactly the fields that Go writes, and requires exactly
// those that are always written.
func TestSchemaIsThatOfThePlan(t *testing.T) {
	root := readSchema(t)
	for _, c := range []struct {
		def   schema
		value any
	}{
		{root, Plan{}}, {root.Defs["step"], Step{}}, {root.Defs["foreign"], Foreign{}},
		{root.Defs["unreachable"], Unreachable{}}, {root.Defs["summary"], Summary{}}, {root.Defs["origin"], bundle.Origin{}},
		{root.Defs["access"], Access{}}, {root.Defs["caller"], AdminSource{}}, {root.Defs["rival"], Rival{}}, {root.Defs["on_trial"], OnTrial{}},
		{root.Defs["meaning"], meaning.Meaning{}}, {root.Defs["difference"], answer.DifferenceView{}}, {root.Defs["decided"], answer.DecidedView{}},
		{root.Defs["decider"], answer.RuleView{}}, {root.Defs["listener"], meaning.Loss{}},
	} {
		typ := reflect.TypeOf(c.value)
		names, required := fields(typ)
		if got := slices.Sorted(maps.Keys(c.def.Properties)); !slices.Equal(got, names) {
			t.Errorf("%v: the schema has %v, the type %v", typ, got, names)
		}
		if got := slices.Sorted(slices.Values(c.def.Required)); !slices.Equal(got, required) {
			t.Errorf("%v: the schema requires %v, the type always writes %v", typ, got, required)
		}
		if c.def.Additional == nil || *c.def.Additional {
			t.Errorf("%v: the schema allows other properties", typ)
		}
		for name, p := range c.def.Properties {
			if p.Description == "" && p.Ref == "" {
				t.Errorf("%v: property %s has no description", typ, name)
			}
		}
	}
}

// fields returns the JSON names of a struct's fields, and of those that are
// written even if they are empty, both sorted.
func fields(typ reflect.Type) (names, required []string) {
	for i := range typ.NumField() {
		if field := typ.Field(i); field.Anonymous {
			inner, always := fields(field.Type)
			names, required = append(names, inner...), append(required, always...)
			continue
		} else if !field.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
		if options != "omitempty" {
			required = append(required, name)
		}
	}
	slices.Sort(names)
	slices.Sort(required)
	return names, required
}

func TestSchemaEnums(t *testing.T) {
	step := readSchema(t).Defs["step"].Properties
	if want := []any{string(Add), string(Change), string(Remove)}; !slices.Equal(step["action"].Enum, want) {
		t.Errorf("actions %v, want %v", step["action"].Enum, want)
	}
	kinds := []any{string(Policy), string(Chain), string(Rule), string(Set), string(Setting), string(File)}
	if !slices.Equal(step["kind"].Enum, kinds) {
		t.Errorf("kinds %v, want %v", step["kind"].Enum, kinds)
	}
	if format := readSchema(t).Properties["format"].Const; format != float64(Format) {
		t.Errorf("format %v, want %d", format, Format)
	}
}

// Plans are valid by the schema, the empty one too, whose lists are not null.
func TestPlansAreValid(t *testing.T) {
	root := readSchema(t)
	full, empty := example(), Compare(tablesOf(t, wanted), tablesOf(t, wanted), states)
	for _, p := range []*Plan{full, empty} {
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatal(err)
		}
		root.check(t, root, "plan", value)
	}
}

// check holds a value against a schema.
func (s schema) check(t *testing.T, root schema, place string, value any) {
	t.Helper()
	if s.Ref != "" {
		s = root.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
	}
	if s.Enum != nil && !slices.Contains(s.Enum, value) {
		t.Errorf("%s: %v is none of %v", place, value, s.Enum)
	}
	switch v := value.(type) {
	case map[string]any:
		s.checkObject(t, root, place, v)
	case []any:
		if s.Type != "array" {
			t.Fatalf("%s: an array, want %s", place, s.Type)
		}
		for _, element := range v {
			s.Items.check(t, root, place+"[]", element)
		}
	case float64:
		if s.Type != "integer" || v != float64(int(v)) {
			t.Errorf("%s: %v, want %s", place, v, s.Type)
		}
	case bool:
		if s.Type != "boolean" {
			t.Errorf("%s: %v, want %s", place, v, s.Type)
		}
	case string:
		if s.Type != "string" {
			t.Errorf("%s: %q, want %s", place, v, s.Type)
		}
	default:
		t.Errorf("%s: %v, want %s", place, value, s.Type)
	}
}

func (s schema) checkObject(t *testing.T, root schema, place string, object map[string]any) {
	t.Helper()
	if s.Type != "object" {
		t.Fatalf("%s: an object, want %s", place, s.Type)
	}
	for _, name := range s.Required {
		if _, there := object[name]; !there {
			t.Errorf("%s: no %s", place, name)
		}
	}
	for name, value := range object {
		property, known := s.Properties[name]
		if !known {
			t.Errorf("%s: unknown property %s", place, name)
			continue
		}
		property.check(t, root, place+"."+name, value)
	}
}
