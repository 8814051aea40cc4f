//! Any sequence of what happens to contacts and addresses, in several tenants and on the agency's list: the
//! cache always says what the store says, and no opt-out is lost on the way.

mod common;

use common::{at, origin, phone};
use dndgate_adapter::{AddressKind, Channel, Channels};
use dndgate_dnd::{AddressKey, Blocks, Cause, ReasonKind, Region, Status};
use dndgate_store::{
    ChannelWish, ContactDraft, Options, Result, Search, Store, Tx, agency, contacts, expiry, opt, search,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

const TENANTS: [&str; 2] = ["acme", "zeta"];
const PHONES: [&str; 3] = ["+14155550100", "+14155550101", "+442079460958"];
const MAILS: [&str; 2] = ["ada@example.org", "bob@example.org"];

#[derive(Debug, Clone)]
enum Step {
    Create { phones: Vec<usize>, mails: Vec<usize> },
    Upsert { phone: usize, mail: usize },
    Move { contact: usize, phones: Vec<usize> },
    Switch { contact: usize, on: bool },
    Channel { contact: usize, channel: usize, on: bool },
    Erase { contact: usize },
    Stop { phone: usize },
    Start { phone: usize },
    Fail { phone: usize },
    Expire,
    Bounce { mail: usize },
    Complaint { mail: usize },
    Unsubscribe { mail: usize },
    List { phone: usize },
    Unlist { phone: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let phones = || prop::collection::vec(0..PHONES.len(), 0..3);
    let mails = || prop::collection::vec(0..MAILS.len(), 0..2);
    let contact = || 0usize..4;
    prop_oneof![
        3 => (phones(), mails()).prop_map(|(phones, mails)| Step::Create { phones, mails }),
        3 => (0..PHONES.len(), 0..MAILS.len()).prop_map(|(phone, mail)| Step::Upsert { phone, mail }),
        2 => (contact(), phones()).prop_map(|(contact, phones)| Step::Move { contact, phones }),
        2 => (contact(), any::<bool>()).prop_map(|(contact, on)| Step::Switch { contact, on }),
        3 => (contact(), 0usize..6, any::<bool>())
            .prop_map(|(contact, channel, on)| Step::Channel { contact, channel, on }),
        2 => contact().prop_map(|contact| Step::Erase { contact }),
        4 => (0..PHONES.len()).prop_map(|phone| Step::Stop { phone }),
        2 => (0..PHONES.len()).prop_map(|phone| Step::Start { phone }),
        2 => (0..PHONES.len()).prop_map(|phone| Step::Fail { phone }),
        1 => Just(Step::Expire),
        1 => (0..MAILS.len()).prop_map(|mail| Step::Bounce { mail }),
        1 => (0..MAILS.len()).prop_map(|mail| Step::Complaint { mail }),
        1 => (0..MAILS.len()).prop_map(|mail| Step::Unsubscribe { mail }),
        1 => (0..PHONES.len()).prop_map(|phone| Step::List { phone }),
        1 => (0..PHONES.len()).prop_map(|phone| Step::Unlist { phone }),
    ]
}

fn mail(index: usize) -> AddressKey {
    AddressKey { kind: AddressKind::Email, key: MAILS[index].into() }
}

fn everybody() -> Vec<AddressKey> {
    PHONES.iter().map(|number| phone(number)).chain((0..MAILS.len()).map(mail)).collect()
}

fn cause(kind: ReasonKind, blocks: Blocks, from: AddressKey, second: i64) -> Cause {
    Cause {
        kind,
        blocks,
        origin: Some(from),
        permanent: false,
        code: None,
        message: String::new(),
        source: "test".into(),
        actor: "person".into(),
        at: at(second),
        expires: None,
    }
}

fn draft(phones: &[usize], mails: &[usize]) -> ContactDraft {
    ContactDraft {
        addresses: vec![
            (AddressKind::Phone, phones.iter().map(|index| PHONES[*index].to_owned()).collect()),
            (AddressKind::Email, mails.iter().map(|index| MAILS[*index].to_owned()).collect()),
        ],
        ..ContactDraft::default()
    }
}

struct World {
    store: Store,
    url: String,
    _folder: tempfile::TempDir,
    global: bool,
    contacts: HashMap<&'static str, Vec<String>>,
    /// Who said STOP and not START since.
    stopped: HashSet<(&'static str, AddressKey)>,
    complained: HashSet<(&'static str, AddressKey)>,
    listed: HashSet<AddressKey>,
}

fn open(url: &str, global: bool) -> Store {
    let store = Store::open(&Options::new(url)).expect("opens");
    store.cache().set_global(global);
    store.fill_cache().expect("fills");
    store
}

impl World {
    fn new(global: bool) -> World {
        let folder = tempfile::tempdir().expect("folder");
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        World {
            store: open(&url, global),
            url,
            _folder: folder,
            global,
            contacts: HashMap::new(),
            stopped: HashSet::new(),
            complained: HashSet::new(),
            listed: HashSet::new(),
        }
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.store.write_blocking(work)
    }

    fn one(&self, tenant: &'static str, index: usize) -> Option<String> {
        let all = self.contacts.get(tenant)?;
        all.get(index % all.len().max(1)).cloned()
    }

    fn edit(&self, tenant: &'static str, index: usize, draft: ContactDraft) {
        if let Some(id) = self.one(tenant, index) {
            // What is locked stays as it is.
            let _ = self.write(move |tx| contacts::update(tx, &id, draft, Region::US, &origin()));
        }
    }

    fn record(&self, tenant: &'static str, cause: Cause) {
        self.write(move |tx| opt::record(tx, tenant, &[cause])).expect("recorded");
    }

    fn take(&mut self, tenant: &'static str, step: &Step, second: i64) {
        let sms = Blocks::Channel(Channel::Sms);
        let email = Blocks::Channel(Channel::Email);
        match step {
            Step::Create { phones, mails } => {
                let draft = draft(phones, mails);
                let made = self.write(move |tx| contacts::create(tx, tenant, draft, Region::US, &origin()));
                self.contacts.entry(tenant).or_default().push(made.expect("made").contact.id);
            }
            Step::Upsert { phone, mail } => {
                let draft = draft(&[*phone], &[*mail]);
                let made = self.write(move |tx| contacts::upsert(tx, tenant, draft, Region::US, &origin()));
                let id = made.expect("made").contact.id;
                let all = self.contacts.entry(tenant).or_default();
                if !all.contains(&id) {
                    all.push(id);
                }
            }
            Step::Move { contact, phones } => {
                let mut draft = draft(phones, &[]);
                draft.addresses.truncate(1);
                self.edit(tenant, *contact, draft);
            }
            Step::Switch { contact, on } => {
                self.edit(tenant, *contact, ContactDraft { dnd: Some(*on), ..ContactDraft::default() });
            }
            Step::Channel { contact, channel, on } => {
                let status = if *on { Status::Active } else { Status::Inactive };
                let wish = ChannelWish { status, message: None, code: None };
                let settings = vec![(Channel::ALL[*channel], wish)];
                self.edit(tenant, *contact, ContactDraft { settings, ..ContactDraft::default() });
            }
            Step::Erase { contact } => {
                if let Some(id) = self.one(tenant, *contact) {
                    let gone = id.clone();
                    self.write(move |tx| contacts::delete(tx, &gone, &origin())).expect("erased");
                    let store = self.store.clone();
                    let all = self.contacts.entry(tenant).or_default();
                    // A contact may stand there by the id of one that became a part of it, too.
                    all.retain(|one| {
                        let one = one.clone();
                        store.read_blocking(move |tx| contacts::get(tx, &one)).expect("read").is_some()
                    });
                    assert!(!all.contains(&id));
                }
            }
            Step::Stop { phone: index } => {
                let from = phone(PHONES[*index]);
                self.record(tenant, cause(ReasonKind::Keyword, sms, from.clone(), second));
                self.stopped.insert((tenant, from));
            }
            Step::Start { phone: index } => {
                let from = phone(PHONES[*index]);
                let key = from.clone();
                self.write(move |tx| {
                    opt::opt_in(tx, tenant, Channel::Sms, &key, at(second), "test", "person")
                })
                .expect("recorded");
                self.stopped.remove(&(tenant, from));
            }
            Step::Fail { phone: index } => {
                let expires = Some(Timestamp::now() + SignedDuration::from_hours(1));
                let cause = cause(ReasonKind::Carrier, sms, phone(PHONES[*index]), second);
                self.record(tenant, Cause { expires, ..cause });
            }
            Step::Expire => {
                let later = Timestamp::now() + SignedDuration::from_hours(2);
                self.write(move |tx| expiry::end_due(tx, later, 100)).expect("ended");
            }
            Step::Bounce { mail: index } => {
                self.record(tenant, cause(ReasonKind::Bounce, email, mail(*index), second));
            }
            Step::Complaint { mail: index } => {
                self.record(tenant, cause(ReasonKind::Complaint, email, mail(*index), second));
                self.complained.insert((tenant, mail(*index)));
            }
            Step::Unsubscribe { mail: index } => {
                self.record(tenant, cause(ReasonKind::Unsubscribe, email, mail(*index), second));
            }
            Step::List { phone: index } => {
                let address = phone(PHONES[*index]);
                let entry = agency::Entry {
                    address: address.clone(),
                    blocks: Blocks::AllChannels,
                    message: String::new(),
                };
                self.write(move |tx| agency::add(tx, &[entry], &origin())).expect("listed");
                self.listed.insert(address);
            }
            Step::Unlist { phone: index } => {
                let address = phone(PHONES[*index]);
                let of = address.clone();
                self.write(move |tx| {
                    for reason in agency::of_address(tx, &of)? {
                        agency::remove(tx, &reason.id, &origin())?;
                    }
                    Ok(())
                })
                .expect("unlisted");
                self.listed.remove(&address);
            }
        }
    }

    /// What is in force, by tenant and address.
    fn in_force(&self) -> HashMap<(&'static str, AddressKey), Channels> {
        let found = self.store.read_blocking(|tx| {
            let mut all = HashMap::new();
            for tenant in TENANTS {
                for address in everybody() {
                    all.insert((tenant, address.clone()), tx.in_force(tenant, &address)?);
                }
            }
            Ok(all)
        });
        let found = found.expect("read");
        for ((tenant, address), truth) in &found {
            let cached = self.store.cache().get(tenant, address.kind, address.key.as_bytes());
            assert_eq!(cached, *truth, "the cache on {address:?} in {tenant}");
        }
        found.into_iter().map(|(key, bits)| (key, bits.channels())).collect()
    }

    fn check(&self) -> HashMap<(&'static str, AddressKey), Channels> {
        let now = self.in_force();
        for (key, channels) in &now {
            let (tenant, address) = key;
            if self.stopped.contains(key) {
                assert!(channels.has(Channel::Sms), "the STOP of {address:?} in {tenant} is lost");
            }
            if self.complained.contains(key) {
                assert!(channels.has(Channel::Email), "the complaint of {address:?} in {tenant} is lost");
            }
            if self.listed.contains(address) {
                assert_eq!(*channels, Channels::ALL, "the agency's list on {address:?} in {tenant}");
            }
        }
        now
    }

    /// What search says of a channel is what the contacts say.
    fn check_search(&self) {
        for tenant in TENANTS {
            let wanted = Search {
                tenant: tenant.into(),
                words: Vec::new(),
                filter: dndgate_store::Filter::All(Vec::new()),
                order: Vec::new(),
                after: None,
                offset: 0,
                limit: 100,
            };
            let mut blocked = wanted.clone();
            let bit = search::blocked(Channel::Sms);
            blocked.filter = dndgate_store::Filter::Marks { of: bit, are: bit };
            let (all, blocked) = self
                .store
                .read_blocking(move |tx| {
                    Ok((search::page(tx, &wanted, 100)?, search::page(tx, &blocked, 100)?))
                })
                .expect("found");
            let expected: HashSet<String> = all
                .contacts
                .iter()
                .filter(|(one, _)| {
                    !dndgate_dnd::state::channel(&one.reasons, Channel::Sms).reasons.is_empty()
                })
                .map(|(one, _)| one.id.clone())
                .collect();
            let found: HashSet<String> = blocked.contacts.iter().map(|(one, _)| one.id.clone()).collect();
            assert_eq!(found, expected, "search in {tenant}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn r1_r5_r6_r7_the_cache_says_what_the_store_says_and_no_opt_out_is_lost(
        steps in prop::collection::vec((0usize..TENANTS.len(), step()), 1..25),
        global in any::<bool>(),
    ) {
        let mut world = World::new(global);
        let mut before = world.check();
        for (second, (tenant, step)) in steps.iter().enumerate() {
            let tenant = TENANTS[*tenant];
            world.take(tenant, step, second as i64);
            let after = world.check();
            let adds = matches!(step, Step::Stop { .. } | Step::Fail { .. } | Step::Bounce { .. } | Step::Complaint { .. }
                | Step::Unsubscribe { .. } | Step::List { .. } | Step::Create { .. });
            for (key, then) in &before {
                let now = after[key];
                if adds {
                    prop_assert_eq!(now.with(*then), now, "{:?} freed {:?}", step, key);
                }
                let above = matches!(step, Step::List { .. } | Step::Unlist { .. } | Step::Expire);
                if !world.global && !above && key.0 != tenant {
                    prop_assert_eq!(now, *then, "{:?} in {} reached {:?}", step, tenant, key);
                }
            }
            before = after;
        }
        world.check_search();
        // A process that starts now knows the same.
        let World { store, url, _folder, .. } = world;
        drop(store);
        for again in [global, !global] {
            let store = open(&url, again);
            for tenant in TENANTS {
                for address in everybody() {
                    let of = address.clone();
                    let truth = store.read_blocking(move |tx| tx.in_force(tenant, &of)).expect("read");
                    let cached = store.cache().get(tenant, address.kind, address.key.as_bytes());
                    prop_assert_eq!(cached, truth, "{:?} in {} after a restart, global {}", address, tenant, again);
                }
            }
        }
    }
}
