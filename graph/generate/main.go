// Command generate writes what gqlgen makes of the schema. Three of gqlgen's templates
// are replaced by those of this folder, whose code does less for each field that is
// answered: it needs no context where nothing can fail, no goroutine for each element of
// a list, and nothing of what this schema does not use, such as @defer. It halves what a
// request allocates, and the code.
package main

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"strings"
	"testing/fstest"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
)

//go:embed *.gotpl
var ours embed.FS

func main() {
	log.SetFlags(0)
	if err := generate(); err != nil {
		log.Fatal("graph: ", err)
	}
}

func generate() error {
	cfg, err := config.LoadConfigFromDefaultLocations()
	if err != nil {
		return err
	}
	cfg.SkipValidation = true // of code that is not kept
	var seen schema
	if err := api.Generate(cfg, api.AddPlugin(&seen)); err != nil {
		return err
	}
	all, err := allTemplates()
	if err != nil {
		return err
	}
	return templates.Render(templates.Options{
		PackageName: cfg.Exec.Package, Filename: cfg.Exec.Filename, Data: seen.data,
		RegionTags: true, GeneratedHeader: true, Packages: cfg.Packages, TemplateFS: all,
	})
}

// schema is what gqlgen's templates are filled in with, which only its plugins are told.
type schema struct{ data *codegen.Data }

// Name implements plugin.Plugin.
func (*schema) Name() string { return "schema" }

// GenerateCode implements plugin.CodeGenerator. It keeps the data: gqlgen writes its own
// code after all plugins.
func (s *schema) GenerateCode(data *codegen.Data) error { //nolint:unparam // as the interface has it
	s.data = data
	return nil
}

// lists is how gqlgen's template answers a list, and how ours does.
var lists = []string{
	"graphql.MarshalSliceConcurrently(ctx, len(v), {{ $.Config.Exec.WorkerLimit }}, {{ $.Config.OmitPanicHandler }}, ",
	"ec.list(ctx, len(v), ",
}

// allTemplates are gqlgen's, with ours in the place of those of the same name.
func allTemplates() (fs.FS, error) {
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/99designs/gqlgen/codegen").Output() //nolint:noctx // a tool
	if err != nil {
		return nil, err
	}
	all := fstest.MapFS{}
	for _, from := range []fs.FS{os.DirFS(strings.TrimSpace(string(dir))), ours} {
		names, err := fs.Glob(from, "*.gotpl")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := fs.ReadFile(from, name)
			if err != nil {
				return nil, err
			}
			all[name] = &fstest.MapFile{Data: text}
		}
	}
	types := all["type.gotpl"]
	if bytes.Count(types.Data, []byte(lists[0])) != 1 {
		return nil, fmt.Errorf("gqlgen answers lists in another way than by %q", lists[0])
	}
	types.Data = bytes.Replace(types.Data, []byte(lists[0]), []byte(lists[1]), 1)
	return all, nil
}
