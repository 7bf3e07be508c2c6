//! `jumun crds`

use std::path::PathBuf;

use super::failure::Failure;
use crate::crd;

/// Print what a cluster needs before the controllers run: the definitions of the kinds, and an admission policy.
///
///   jumun crds | kubectl apply --server-side -f -
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Write one file a kind into this folder instead of printing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let manifests = crd::manifests()?;
    let Some(folder) = &args.out else {
        let documents: Vec<String> = manifests.into_iter().map(|(_, yaml)| yaml).collect();
        print!("{}", documents.join("---\n"));
        return Ok(());
    };
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (name, yaml) in manifests {
        let path = folder.join(name);
        std::fs::write(&path, yaml).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
