package web

import (
	"reflect"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/graphqlhttp"
	"github.com/automobilepay/mobilepay/operations"
)

// The operations of the apps take at most half of each limit, but of those that
// are one, and at least one takes a hundredth of the cost: the limits are sized
// from them. With -v the largest of each is shown.
func TestLimitsLeaveRoom(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load(nil, config.Everything)
	if err != nil {
		t.Fatal(err)
	}
	documents := &graphqlhttp.Documents{Limits: graphqlhttp.Limits(cfg.Limits), Lists: lists}
	if err := documents.Validate(graph.NewExecutableSchema(graph.Config{})); err != nil {
		t.Fatal(err)
	}
	shipped, err := operations.Parse(operations.Manifest())
	if err != nil || len(shipped) == 0 {
		t.Fatal(err)
	}
	limits := reflect.ValueOf(documents.Limits)
	largest := make([]int, limits.NumField())
	for _, operation := range shipped {
		used, err := documents.Measure(operation.Body)
		if err != nil {
			t.Fatal(err)
		}
		for i := range largest {
			largest[i] = max(largest[i], int(reflect.ValueOf(used).Field(i).Int()))
		}
	}
	for i, most := range largest {
		name, limit := limits.Type().Field(i).Name, int(limits.Field(i).Int())
		t.Logf("%-10s %5d of %5d", strings.ToLower(name), most, limit)
		if limit > 1 && most > limit/2 && name != "Depth" || most > limit*2/3 && limit > 1 {
			t.Errorf("an operation takes %d of the %d %s", most, limit, name)
		}
	}
	if defaults := graphqlhttp.DefaultLimits(); defaults != documents.Limits {
		t.Errorf("the settings have %v, the package %v", documents.Limits, defaults)
	}
}

// The lists whose length is stated are there, and are lists of objects.
func TestListsExist(t *testing.T) {
	t.Parallel()
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	for path := range lists {
		name, field, _ := strings.Cut(path, ".")
		if schema.Types[name] == nil || schema.Types[name].Fields.ForName(field) == nil || schema.Types[name].Fields.ForName(field).Type.Elem == nil {
			t.Errorf("%s is no list", path)
		}
	}
}
