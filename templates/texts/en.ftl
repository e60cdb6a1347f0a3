# Every text that people read, in the order of the pages. Two beginnings are fixed, because clients look for them:
# "Incorrect user ID or password" and "Your password has expired".

title-sign-in = Sign In
title-sign-out = Sign Out
title-error = Error
connecting-to = Connecting to { $company }
no-script = JavaScript is off in this browser. Everything on this page still works.
home-link = Home
privacy-link = Privacy
help-desk-link = Help desk

sign-in = Sign in
continue-to = to continue to { $application }
user-account = User account
user-placeholder = someone@example.com
password = Password
show-password = Show
hide-password = Hide
keep-signed-in = Keep me signed in
caps-lock = Caps Lock is on.
user-name-format = Enter your user ID in the form user@domain or domain\user.
password-empty = Enter your password.
password-too-long = The password is too long: it has more than 128 characters.
incorrect = Incorrect user ID or password. Check both and try again.
password-expired = Your password has expired or must be changed before you can sign in. Change it on a computer of your organization, or ask your help desk.

realm-heading = Where do you have your account?
realm-intro = Choose your organization to go on.
own-directory = { $company } account
other-organization = Another organization
email-intro = Enter your email address at your organization.
email = Email address
next = Next
back = Back
invalid-suffix = No organization here uses this address. Check it and try again.

sites-heading = Your applications
signed-out-status = You are not signed in.
signed-in-status = You are signed in.
signed-in-as = You are signed in as { $user }.
sign-in-this-site = Sign in to this site
sign-in-other-site = Sign in to one of these applications
application = Application
no-applications = There are no applications to choose from.
go = Open
sign-out = Sign out
sign-out-everywhere = Sign out of all applications
sign-out-here = Sign out of this site only

signed-out-heading = You are signed out
signed-out-advice = It is a good idea to close all browser windows.
signed-out-partly-heading = You are signed out of this browser only
signed-out-partly-advice = The service could not note that your session has ended. Close all browser windows, and sign in and out again in a few minutes.
cleanup-frame = Signing out of an application
continue = Continue

script-disabled = Choose Submit to go on.
submit = Submit

error-details = Details for your administrator
error-activity = Activity ID
error-relying-party = Relying party
error-error = Error
error-time = Error time
error-cookie = Cookie
cookies-enabled = enabled
cookies-not-seen = not seen
copy-details = Copy details
copied = Copied
try-again = Try again
contact-support = Support: { $address }

no-handler-heading = There is nothing to sign in to here
no-handler-message = This address answers only when an application sends you to it. Go back to the application and start again.
protocol-heading = This kind of sign-in is not available
protocol-message = The application asks in a way that this service does not offer. Contact your administrator.
not-published-heading = The application is not published
not-published-message = The address that brought you here is out of date or incomplete. Contact your administrator.
idp-initiated-heading = Sign-in cannot start on this page
idp-initiated-message = Open the application that you want to use; it brings you back here to sign in.
malformed-heading = The request is not valid
malformed-message = Something in the address that brought you here is damaged. Go back to the application and start again.
too-large-heading = The request is too large
too-large-message = Go back to the application and start again. If that does not help, contact your administrator.
cross-site-heading = The form came from another site
cross-site-message = For your protection it was not used. Open the application and sign in on the page that it shows.
unknown-party-heading = The application is not known
unknown-party-message = This service does not know the application that sent you, or it is switched off. Contact your administrator.
reply-heading = The request is not valid
reply-message = The application asked for an answer at an address that is not registered for it. Contact your administrator.
method-heading = This way of signing in is not available
method-message = The application demands a way of signing in that this service does not offer. Contact your administrator.
second-factor-heading = Additional verification is not available
second-factor-message = The application demands additional verification, and this service has none set up. Contact your administrator.
access-denied-heading = You do not have access
access-denied-message = You signed in, but you are not allowed to use this application. Contact your administrator.
loop-heading = The application keeps sending you back
loop-message = It asked for you several times within seconds. Close the browser, wait a moment, and start again.
too-many-heading = Too many sign-in attempts
too-many-message = Wait a minute, then try again.
unavailable-heading = Sign-in is not possible right now
unavailable-message = The service cannot reach your organization's directory. Your password was not checked. Try again in a moment.
upstream-heading = Your organization's sign-in did not work
upstream-message = The answer of the organization that you signed in to could not be accepted. Go back to the application and start again.
issuance-heading = An error occurred
issuance-message = You signed in, but the answer for the application could not be made. Contact your administrator.
