//! Secrets in files that are known as a whole.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

#[test]
fn an_environment_file_is_one_when_it_has_a_value() {
    for name in [".env", ".env.local", ".env.production", ".env.test.local", ".env.prod"] {
        assert_one(name, "# ours\nEMPTY=\nPORT=3000\nA=b\n", 3, Secret::EnvironmentFile);
    }
    for text in [
        "",
        "\n\n",
        "# KEY=value\n",
        "KEY=\nOTHER=\"\"\nTHIRD=''\n",
        "KEY= # none\n",
        "KEY=${OTHER}\nB=\"$A\"\n",
        "KEY\n",
    ] {
        assert_none(".env", text);
    }
    for name in [
        ".env.example",
        ".env.sample",
        ".env.template",
        ".env.dist",
        ".env.defaults",
        ".env.test",
        ".env.Example",
        ".env.production.example",
        ".envrc",
        ".environment",
        "env",
        "x.env",
    ] {
        assert_none(name, "KEY=value\n");
    }
}

#[test]
fn a_login_of_npm_is_a_value_and_not_a_reference() {
    let token = random(LETTERS_AND_DIGITS, 30);
    for key in ["_authToken", "_auth", "//registry.example.org/:_authToken", "//r.example.org:8080/npm/:_password"] {
        assert_one(".npmrc", format!("; ours\nregistry=https://r.example.org/\n{key}={token}\n"), 3, Secret::NpmLogin);
        assert_one(".npmrc", format!("{key} = \"{token}\""), 1, Secret::NpmLogin);
        for value in ["${NPM_TOKEN}", "", "\"${NPM_TOKEN}\"", "$NPM_TOKEN", "<token>"] {
            assert_none(".npmrc", format!("{key}={value}\n"));
        }
        assert_none(".npmrc", format!("# {key}={token}\n"));
    }
    assert_none(".npmrc", "always-auth=true\nsave-exact=true\nusername=a\n");
    assert_one(".npmrc", format!("_auth=npm_{}", random(LETTERS_AND_DIGITS, 36)), 1, Secret::NpmLogin);
}

#[test]
fn logins_of_composer_and_yarn_are_found_by_name() {
    for login in [
        r#""http-basic": {"r.example.org": {"username": "token", "password": "hunter2"}}"#,
        r#""gitlab-token": {"gitlab.example.org": "a1b2c3"}"#,
        r#""gitlab-token": {"gitlab.example.org": {"username": "a", "token": "a1b2c3"}}"#,
        r#""bearer": {"r.example.org": "a1b2c3"}"#,
        r#""bitbucket-oauth": {"bitbucket.org": {"consumer-key": "a", "consumer-secret": "b"}}"#,
    ] {
        assert_one("auth.json", format!("{{\n{login}\n}}\n"), 2, Secret::ComposerLogin);
        assert_none("other.json", format!("{{\n{login}\n}}\n"));
    }
    for login in [
        "",
        r#""github-oauth": {}"#,
        r#""http-basic": {"r.example.org": {"username": "token", "password": ""}}"#,
        r#""bearer": {"r.example.org": "<token>"}"#,
    ] {
        assert_none("auth.json", format!("{{{login}}}"));
    }
    assert_one(".yarnrc.yml", "npmRegistries:\n  x:\n    npmAuthToken: \"a1b2\"\n", 3, Secret::NpmLogin);
    assert_none(".yarnrc.yml", "nodeLinker: node-modules\nnpmAuthToken: \"${NPM_TOKEN}\"\n");
}

#[test]
fn a_docker_login_may_be_written_in_the_clear() {
    let text = r#"{"auths": {"r.example.org": {"username": "a", "password": "hunter2"}}}"#;
    assert_one("config.json", text, 1, Secret::DockerLogin);
}

#[test]
fn logins_of_package_indexes_netrc_and_git_are_found_by_name() {
    assert_one(".pypirc", "[pypi]\nusername: me\npassword: hunter2\n", 3, Secret::PypiPassword);
    assert_one(".netrc", "machine a.example.org\n  login me\n  password hunter2\n", 3, Secret::NetrcPassword);
    assert_one("_netrc", "machine a login me password\nhunter2\n", 2, Secret::NetrcPassword);
    assert_one(".git-credentials", "\nhttps://me:hunter2@git.example.org\n", 2, Secret::GitCredentials);
    assert_none(".pypirc", "[pypi]\nusername = __token__\npassword = ${PYPI_TOKEN}\n");
    assert_none(".netrc", "# machine a login me password hunter2\nmachine a login me\n");
    assert_none(".git-credentials", "https://git.example.org/a:b@c\n");
    for text in ["password: hunter2\n", "machine a login me password hunter2", "https://me:hunter2@git.example.org\n"] {
        assert_none("notes.txt", text);
    }
}

#[test]
fn a_login_of_docker_is_found_by_content() {
    let login = |auth: &str| {
        format!("{{\n  \"auths\": {{\n    \"r.example.org\": {{\n      \"auth\": \"{auth}\"\n    }}\n  }}\n}}")
    };
    for name in ["config.json", "auth.json", "anything"] {
        assert_one(name, login(&STANDARD.encode("me:hunter2")), 4, Secret::DockerLogin);
    }
    assert_one("config.json", "{\"auths\":{\"r\":{\"identitytoken\":\"eyJhbGciOi\"}}}", 1, Secret::DockerLogin);
    for auth in ["", "${AUTH}", "bm90aGluZw==", "not base64"] {
        assert_none("config.json", login(auth));
    }
    assert_none("config.json", "{\"auths\": {\"r.example.org\": {}}, \"credsStore\": \"ecr-login\"}");
    assert_none("config.json", format!("{{\"auth\": \"{}\"}}", STANDARD.encode("me:hunter2")));
}

#[test]
fn a_kubeconfig_with_a_login_is_found_by_content() {
    let file = |user: &str| {
        format!("apiVersion: v1\nclusters:\n- name: a\nkind: Config\nusers:\n- name: me\n  user:\n    {user}\n")
    };
    assert_one("kubeconfig", file(&format!("token: {}", random(BASE64, 40))), 8, Secret::Kubeconfig);
    assert_one("config", file("password: hunter2"), 8, Secret::Kubeconfig);
    let key = STANDARD.encode(private_key());
    assert_one("config", file(&format!("client-key-data: {key}")), 8, Secret::Kubeconfig);
    let json = "{\"kind\": \"Config\", \"clusters\": [], \"users\": [{\"user\": {\"token\": \"abcdef\"}}]}";
    assert_one("config", json, 1, Secret::Kubeconfig);
    let indented = "{\n\"kind\": \"Config\",\n\"clusters\": [],\n\"users\": [{\"user\": {\n\"token\": \"abcdef\"\n}}]}";
    assert_one("config", indented, 5, Secret::Kubeconfig);
    assert_none("config", file("exec: {command: aws}"));
    assert_none("config", file("token: ${TOKEN}"));
    assert_none("other.yaml", "kind: Config\ntoken: abcdef\n");
}

#[test]
fn a_service_account_counts_once_at_its_key() {
    let key = private_key().replace('\n', "\\n");
    let account =
        format!("{{\n  \"type\": \"service_account\",\n  \"private_key_id\": \"1\",\n  \"private_key\": \"{key}\"\n}}");
    assert_one("gcp.json", account, 4, Secret::GcpServiceAccount);
    assert_none("gcp.json", "{\"type\": \"service_account\", \"private_key\": \"-----BEGIN PRIVATE KEY-----\\n...\"}");
    assert_none("docs.json", "{\"type\": \"service_account\", \"client_email\": \"a@b\"}");
}

#[test]
fn the_state_of_terraform_is_found_by_name_and_content() {
    let state = "{\n  \"version\": 4,\n  \"terraform_version\": \"1.9.0\",\n  \"lineage\": \"x\"\n}";
    for name in ["terraform.tfstate", "terraform.tfstate.backup", "PROD.TFSTATE"] {
        assert_one(name, state, 3, Secret::TerraformState);
    }
    assert_none("a.json", state);
    assert_none("terraform.tfstate", "{}");
}

#[test]
fn a_key_store_is_one_when_it_holds_a_key() {
    let name = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
    let trusted =
        [&2_u32.to_be_bytes()[..], &name("ca"), &[0; 8], &name("X.509"), &3_u32.to_be_bytes(), &[1, 2, 3]].concat();
    let own = [&1_u32.to_be_bytes()[..], &name("mine"), &[0; 8]].concat();
    let store = |magic: u32, entries: &[&[u8]]| {
        let count = (entries.len() as u32).to_be_bytes();
        [&magic.to_be_bytes()[..], &2_u32.to_be_bytes(), &count, &entries.concat()].concat()
    };
    for magic in [0xfeed_feed, 0xcece_cece] {
        assert_eq!(found("a", store(magic, &[&trusted, &own])), [(None, Secret::KeyStore)]);
        assert_none("cacerts", store(magic, &[&trusted, &trusted]));
        assert_none("cacerts", &store(magic, &[&trusted])[..20]);
    }
    let bag =
        |kind: u8| [&[0x30, 0x82, 9, 9][..], b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01", &[kind]].concat();
    assert_one("me.p12", bag(2), 1, Secret::KeyStore);
    assert_one("me.PFX", bag(1), 1, Secret::KeyStore);
    assert_none("trust.p12", bag(3));
    assert_none("me.bin", bag(2));
}

#[test]
fn of_a_document_the_first_64_kibibytes_count() {
    let text = |comments: usize| format!("{}KEY=value\n", "#\n".repeat(comments));
    assert_one(".env", text(30_000), 30_001, Secret::EnvironmentFile);
    assert_none(".env", text(40_000));
}
