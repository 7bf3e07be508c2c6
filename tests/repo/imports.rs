//! Who uses whom in `src/`, as the paths resolve: `use` trees, paths in code, in macros and in attributes, each followed
//! through re-exports to the file in which the name stands.
//!
//! Tests are not looked at, and a re-export is no use unless its own file uses the name. Calls of methods have no path:
//! whoever calls one has the type from somewhere, and that is seen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

/// A module that is a file, from the root of the crate.
pub type Module = Vec<String>;

/// The files of a crate.
#[derive(Default)]
pub struct Sources {
    files: BTreeMap<Module, File>,
    /// What the names of the table of kinds stand for in its macros, such as `$kind`: row by row.
    rows: Vec<BTreeMap<&'static str, String>>,
}

/// Which module uses which, and the paths by which it does.
pub type Uses = BTreeMap<Module, BTreeMap<Module, BTreeSet<String>>>;

#[derive(Default)]
struct File {
    /// The names that `use` brings in, and where they are from.
    bindings: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    paths: BTreeSet<Vec<String>>,
}

impl Sources {
    /// Adds a file: its path below `src/`, and its text.
    pub fn add(&mut self, path: &str, text: &str) {
        let mut file = File::default();
        file.visit_file(&syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}")));
        let module = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let names = module.split('/').filter(|name| *name != "lib").map(str::to_owned);
        self.files.insert(names.collect(), file);
    }

    /// Adds a row of the table of kinds.
    pub fn add_row(&mut self, row: BTreeMap<&'static str, String>) {
        self.rows.push(row);
    }

    /// A path of a macro of the table, once for each row.
    fn expand(&self, path: &[String]) -> Vec<Vec<String>> {
        if !path.iter().any(|name| name.starts_with('$')) {
            return vec![path.to_vec()];
        }
        let in_row = |row: &BTreeMap<&str, String>| {
            path.iter().map(|name| row.get(name.as_str()).unwrap_or(name).clone()).collect()
        };
        self.rows.iter().map(in_row).collect()
    }

    /// Every use of one file by another.
    pub fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (module, file) in &self.files {
            for path in file.paths.iter().flat_map(|path| self.expand(path)) {
                if let Some(used) = self.resolve(module, &path, 16).filter(|used| used != module) {
                    let users = uses.entry(module.clone()).or_default();
                    users.entry(used).or_default().insert(path.join("::"));
                }
            }
        }
        uses
    }

    /// The file in which a path ends that stands in a module; nothing where that is another crate, or the module itself.
    fn resolve(&self, module: &[String], path: &[String], depth: usize) -> Option<Module> {
        let (first, rest) = path.split_first().filter(|_| depth > 0)?;
        match first.as_str() {
            "crate" => return self.walk(Vec::new(), rest, depth),
            "self" => return self.walk(module.to_vec(), rest, depth),
            "super" => {
                let parent = module.split_last()?.1;
                let more = rest.first().is_some_and(|next| next == "super");
                return if more { self.resolve(parent, rest, depth) } else { self.walk(parent.to_vec(), rest, depth) };
            }
            _ => {}
        }
        let file = self.files.get(module)?;
        if let Some(bound) = file.bindings.get(first).filter(|bound| bound[0] != *first) {
            return self.resolve(module, &[bound, rest].concat(), depth - 1);
        }
        let child = [module, std::slice::from_ref(first)].concat();
        if !rest.is_empty() && self.files.contains_key(&child) {
            return self.walk(child, rest, depth);
        }
        let mut globs = file.globs.iter().filter_map(|glob| self.resolve(module, glob, depth - 1));
        globs.find(|glob| self.files.get(glob).is_some_and(|file| file.bindings.contains_key(first)))
    }

    /// Follows a path from a module down.
    fn walk(&self, mut module: Module, path: &[String], depth: usize) -> Option<Module> {
        for (at, name) in path.iter().enumerate() {
            let child = [&module[..], std::slice::from_ref(name)].concat();
            if self.files.contains_key(&child) {
                module = child;
                continue;
            }
            let bound =
                self.files.get(&module)?.bindings.get(name).filter(|bound| bound[0] != *name || bound.len() > 1);
            let found = bound.and_then(|bound| self.resolve(&module, &[bound, &path[at + 1..]].concat(), depth - 1));
            return found.or(Some(module));
        }
        Some(module)
    }
}

/// A circle of files, as short as there is one, each with the path by which it uses the next; nothing where there is none.
pub fn circle(uses: &Uses) -> Option<String> {
    let found = uses.keys().filter_map(|module| way_back(uses, module)).min_by_key(Vec::len)?;
    let path = |step: &[Module]| uses[&step[0]][&step[1]].first().cloned().unwrap_or_default();
    let steps = found.windows(2).map(|step| format!("{} uses {}", step[0].join("::"), path(step)));
    Some(steps.collect::<Vec<String>>().join(", "))
}

/// The shortest way from a module to itself.
fn way_back(uses: &Uses, from: &Module) -> Option<Vec<Module>> {
    let (mut ways, mut seen) = (VecDeque::from([vec![from.clone()]]), BTreeSet::new());
    while let Some(way) = ways.pop_front() {
        for next in way.last().and_then(|last| uses.get(last)).into_iter().flat_map(BTreeMap::keys) {
            let way = [&way[..], std::slice::from_ref(next)].concat();
            if next == from {
                return Some(way);
            }
            if seen.insert(next) {
                ways.push_back(way);
            }
        }
    }
    None
}

impl File {
    fn bind(&mut self, tree: &UseTree, mut path: Vec<String>, private: bool) {
        let (name, ends) = match tree {
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                return self.bind(&step.tree, path, private);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.bind(tree, path.clone(), private));
            }
            UseTree::Name(name) => (name.ident.to_string(), name.ident.to_string()),
            UseTree::Rename(name) => (name.rename.to_string(), name.ident.to_string()),
            UseTree::Glob(_) => ("*".to_owned(), "self".to_owned()),
        };
        // `a::{self}` is the name a.
        let name = if name == "self" { path.last().cloned().unwrap_or_default() } else { name };
        if ends != "self" {
            path.push(ends);
        }
        if private {
            self.paths.insert(path.clone());
        }
        match name.as_str() {
            "*" => self.globs.push(path),
            _ => drop(self.bindings.insert(name, path)),
        }
    }

    /// The paths in tokens that nobody has parsed: of a macro, or of an attribute, where texts may be paths, too.
    fn scan(&mut self, tokens: TokenStream, texts: bool) {
        let (mut path, mut joined, mut tokens) = (Vec::new(), false, tokens.into_iter().peekable());
        while let Some(token) = tokens.next() {
            match &token {
                TokenTree::Punct(dollar) if dollar.as_char() == '$' => {
                    if !joined {
                        self.paths.insert(std::mem::take(&mut path));
                    }
                    if let Some(TokenTree::Ident(name)) = tokens.next_if(|next| matches!(next, TokenTree::Ident(_))) {
                        path.push(format!("${name}"));
                    }
                }
                TokenTree::Ident(name) if joined || path.is_empty() => path.push(name.to_string()),
                TokenTree::Ident(name) => {
                    self.paths.insert(std::mem::replace(&mut path, vec![name.to_string()]));
                }
                TokenTree::Punct(colon) if colon.as_char() == ':' && !path.is_empty() => {
                    let second = tokens.next_if(|next| matches!(next, TokenTree::Punct(p) if p.as_char() == ':'));
                    joined = second.is_some();
                    if joined {
                        continue;
                    }
                    self.paths.insert(std::mem::take(&mut path));
                }
                TokenTree::Group(group) => self.scan(group.stream(), texts),
                TokenTree::Literal(text) if texts => {
                    let text = text.to_string();
                    let named = syn::parse_str::<syn::Path>(text.trim_matches('"'));
                    named.iter().for_each(|named| self.visit_path(named));
                }
                _ => {
                    self.paths.insert(std::mem::take(&mut path));
                }
            }
            joined = false;
        }
        self.paths.insert(path);
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    let tests = |list: &syn::MetaList| list.path.is_ident("cfg") && list.tokens.to_string() == "test";
    attributes.iter().any(|attribute| attribute.meta.require_list().is_ok_and(tests))
}

impl<'a> Visit<'a> for File {
    fn visit_item(&mut self, item: &'a Item) {
        let attributes = match item {
            Item::Const(item) => &item.attrs,
            Item::Enum(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            Item::Static(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            Item::Trait(item) => &item.attrs,
            Item::Type(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if is_test(attributes) {
            return;
        }
        if let Item::Mod(inline) = item {
            assert!(inline.content.is_none(), "mod {} {{ … }}: give it a file of its own", inline.ident);
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, function: &'a syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        self.bind(&item.tree, Vec::new(), matches!(item.vis, syn::Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.paths.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    /// Who may see an item is no use of them.
    fn visit_vis_restricted(&mut self, _: &'a syn::VisRestricted) {}

    fn visit_macro(&mut self, invoked: &'a syn::Macro) {
        self.scan(invoked.tokens.clone(), false);
        visit::visit_macro(self, invoked);
    }

    fn visit_attribute(&mut self, attribute: &'a Attribute) {
        if let Ok(list) = attribute.meta.require_list() {
            self.scan(list.tokens.clone(), true);
        }
    }
}
