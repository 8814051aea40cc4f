//! Journeys through the real binary: what a CRM, a provider, a person and an operator see. The number in a
//! test's name is the rule's.

mod harness;

mod journeys {
    mod access;
    mod admin;
    mod agency;
    mod approval;
    mod bad_input;
    mod bandwidth;
    mod brevo;
    mod browser;
    mod bypass;
    mod carrying;
    mod confirmations;
    mod custom;
    mod demo;
    mod evidence;
    mod expiry;
    mod google;
    mod imports;
    mod inbound;
    mod ledger;
    mod limits;
    mod mail;
    mod messagebird;
    mod messenger;
    mod metrics;
    mod outbound;
    mod passing_on;
    mod plivo;
    mod policy;
    mod postmark;
    mod properties;
    mod reconciliation;
    mod release;
    mod replay;
    mod restart;
    mod reviews;
    mod rules;
    mod scheduled;
    mod sdk;
    mod send_rules;
    mod sendgrid;
    mod ses;
    mod session_attacks;
    mod sessions;
    mod sinch;
    mod smuggling;
    mod sparkpost;
    mod stand_ins;
    mod status;
    mod store;
    mod subscribers;
    mod telnyx;
    mod tenant_policies;
    mod tls;
    mod unsubscribe;
    mod upstream;
    mod vonage;
    mod whatsapp;
}
