package lower

import (
	"fmt"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestTableNames holds that no two tables of hashlimit have one name: the kernel
// would count the sources of both in the first. Of so many names of 32 bits some
// are alike.
func TestTableNames(t *testing.T) {
	l := &lowering{tables: map[string]string{}}
	rate := ruleset.SourceRate{Rate: ruleset.Rate{Count: 5, Unit: ruleset.PerSecond, Burst: 10}}
	parts := map[string]string{}
	for i := range 200_000 {
		part := fmt.Sprintf("services.s%d", i)
		name := l.tableName(ruleset.V4, part, rate)
		if before, taken := parts[name]; taken {
			t.Fatalf("%s and %s count in %s", before, part, name)
		}
		if parts[name] = part; len(name) > 15 {
			t.Fatalf("%s is too long", name)
		}
	}
	if name := l.tableName(ruleset.V4, "services.s7", rate); parts[name] != "services.s7" {
		t.Errorf("services.s7 counts in a second table, %s", name)
	}
}
